package api

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/kakeyad/kakeyad/core/experiment"
)

var (
	descArmRequests  = desc("experiment_requests_total", "Requests of an experiment that the arm answered, or failed to.", "experiment", "arm", "channel")
	descArmFailed    = desc("experiment_failed_total", "Of these, those that failed.", "experiment", "arm", "channel")
	descArmCancelled = desc("experiment_cancelled_total", "Of these, those that nobody wanted any more.", "experiment", "arm", "channel")
	descUnits        = desc("experiment_units", "Requests, sessions or users that the figure is of.", "experiment", "metric")
	descValue        = desc("experiment_value", "B compared with A: a ratio, a difference or a share.", "experiment", "metric", "kind")
	descLow          = desc("experiment_low", "Lower end of the interval, which holds at every look.", "experiment", "metric", "kind")
	descHigh         = desc("experiment_high", "Upper end of the interval, which holds at every look.", "experiment", "metric", "kind")
	descShadow       = desc("experiment_shadow_total", "Requests that B was to answer unseen, by what became of them.", "experiment", "fate")
)

// experimentCollector asks the registry when it is asked.
type experimentCollector struct{ results *experiment.Registry }

// Describe implements prometheus.Collector.
func (c experimentCollector) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{descArmRequests, descArmFailed, descArmCancelled, descUnits, descValue, descLow, descHigh, descShadow} {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (c experimentCollector) Collect(to chan<- prometheus.Metric) {
	tell := func(d *prometheus.Desc, kind prometheus.ValueType, v float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, kind, v, labels...)
	}
	for _, r := range c.results.Reports() {
		for arm, a := range map[string]*experiment.ArmReport{"a": &r.A, "b": &r.B} {
			tell(descArmRequests, prometheus.CounterValue, float64(a.Requests), r.Name, arm, a.Channel)
			tell(descArmFailed, prometheus.CounterValue, float64(a.Failed), r.Name, arm, a.Channel)
			tell(descArmCancelled, prometheus.CounterValue, float64(a.Cancelled), r.Name, arm, a.Channel)
		}
		for _, m := range r.Metrics {
			tell(descUnits, prometheus.GaugeValue, float64(m.N), r.Name, m.Name)
			for d, v := range map[*prometheus.Desc]*float64{descValue: m.Value, descLow: m.Low, descHigh: m.High} {
				if v != nil {
					tell(d, prometheus.GaugeValue, *v, r.Name, m.Name, m.Kind)
				}
			}
		}
		if s := r.Shadow; s != nil {
			for fate, n := range map[experiment.Fate]int64{
				experiment.Compared: s.Compared, experiment.Censored: s.Censored, experiment.Dropped: s.Dropped, experiment.Skipped: s.Skipped,
			} {
				tell(descShadow, prometheus.CounterValue, float64(n), r.Name, fate.String())
			}
		}
	}
}
