package api

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/common/expfmt"

	"github.com/kakeyad/kakeyad/core/router"
)

// metrics are what /metrics tells.
type metrics struct {
	registry   *prometheus.Registry
	requests   *prometheus.CounterVec
	took       *prometheus.HistogramVec
	firstToken *prometheus.HistogramVec
	nextToken  *prometheus.HistogramVec
}

// newMetrics reads the figures of the state off a server's parts when it is asked.
func newMetrics(state stateCollector) *metrics {
	seconds := func(name, help string, first float64, n int, labels ...string) *prometheus.HistogramVec {
		return prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: name, Help: help, Buckets: prometheus.ExponentialBuckets(first, 2, n),
		}, labels)
	}
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "kakeyad_http_requests_total", Help: "Requests that were answered."}, []string{"path", "status"}),
		took:     seconds("kakeyad_http_request_seconds", "From a request to the end of its answer.", 0.001, 18, "path"),

		firstToken: seconds("kakeyad_first_token_seconds", "From a request to the first piece of its answer.", 0.001, 18, "channel"),
		nextToken:  seconds("kakeyad_next_token_seconds", "Between the tokens of an answer.", 0.0005, 14, "channel"),
	}
	m.registry.MustRegister(m.requests, m.took, m.firstToken, m.nextToken,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		&state)
	return m
}

// answered counts a request. Paths that nothing answers are one.
func (m *metrics) answered(path string, status int, took time.Duration) {
	m.requests.WithLabelValues(path, strconv.Itoa(status)).Inc()
	m.took.WithLabelValues(path).Observe(took.Seconds())
}

// metered measures the pieces of an answer as they pass. They pass one by one.
func (x *exchange) metered(m *metrics, channel string, emit func(router.Piece) error) func(router.Piece) error {
	var last time.Time
	return func(p router.Piece) error {
		if n := len(p.Tokens); n > 0 {
			now := time.Now()
			if last.IsZero() {
				m.firstToken.WithLabelValues(channel).Observe(now.Sub(x.began).Seconds())
			} else {
				m.nextToken.WithLabelValues(channel).Observe(now.Sub(last).Seconds() / float64(n))
			}
			last = now
		}
		return emit(p)
	}
}

// metricsText is GET /metrics.
func (s *Server) metricsText(x *exchange) error {
	families, err := s.metrics.registry.Gather()
	if err != nil {
		return fmt.Errorf("gather the metrics: %w", err)
	}
	var out bytes.Buffer
	for _, f := range families {
		if _, err := expfmt.MetricFamilyToText(&out, f); err != nil {
			return fmt.Errorf("print the metrics: %w", err)
		}
	}
	x.http.SetContentType("text/plain; version=0.0.4; charset=utf-8")
	x.http.SetBody(out.Bytes())
	return nil
}

// PluginStatus is what is told of a plugin.
type PluginStatus struct {
	Kind, Name string
	PID        int // of its process; 0: there is none
	Running    bool
	Restarts   int
	RSS        int64          // bytes; 0: unknown
	State      string         // such as "running" or "down"
	Reason     string         // why its last process ended, in a word; "": none has
	Error      string         // the same in full
	Ends       map[string]int // of processes, by why
}

// stateCollector asks the router and the host when it is asked.
type stateCollector struct {
	router    *router.Router
	plugins   func() []PluginStatus // nil: none are told of
	running   *running
	admission *admission
}

// Describe implements prometheus.Collector.
func (c *stateCollector) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{descOpen, descWaiting, descBudget, descUsed, descLoadQueue, descLoads, descEvictions} {
		to <- d
	}
	for _, g := range modelGauges {
		to <- g.desc
	}
	for _, g := range channelCounters {
		to <- g.desc
	}
	for _, g := range sessionFigures {
		to <- g.desc
	}
	for _, g := range formatGauges {
		to <- g.desc
	}
	for _, d := range []*prometheus.Desc{descRunning, descRestarts, descEnds, descRSS} {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (c *stateCollector) Collect(to chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	counter := func(d *prometheus.Desc, v float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, v, labels...)
	}
	all := c.router.Stats(context.Background())
	gauge(descOpen, float64(c.running.count()))
	gauge(descWaiting, float64(c.admission.waiting()))
	gauge(descBudget, float64(all.Pool.Budget))
	gauge(descUsed, float64(all.Pool.Used))
	gauge(descLoadQueue, float64(all.Pool.Waiting))
	counter(descLoads, float64(all.Pool.Counts.Loads))
	counter(descEvictions, float64(all.Pool.Counts.Evictions))
	for i := range all.Models {
		for _, g := range modelGauges {
			to <- prometheus.MustNewConstMetric(g.desc, g.kind, g.value(&all.Models[i]), all.Models[i].Key)
		}
	}
	for i := range all.Channels {
		for _, g := range channelCounters {
			to <- prometheus.MustNewConstMetric(g.desc, g.kind, g.value(&all.Channels[i]), all.Channels[i].Name)
		}
	}
	if s := all.Sessions; s != nil {
		for _, g := range sessionFigures {
			to <- prometheus.MustNewConstMetric(g.desc, g.kind, g.value(s))
		}
		for i := range s.Formats {
			for _, g := range formatGauges {
				to <- prometheus.MustNewConstMetric(g.desc, g.kind, g.value(&s.Formats[i]), s.Formats[i].Format)
			}
		}
	}
	if c.plugins == nil {
		return
	}
	for _, p := range c.plugins() {
		running := 0.0
		if p.Running {
			running = 1
		}
		gauge(descRunning, running, p.Kind, p.Name)
		counter(descRestarts, float64(p.Restarts), p.Kind, p.Name)
		for reason, n := range p.Ends {
			counter(descEnds, float64(n), p.Kind, p.Name, reason)
		}
		gauge(descRSS, float64(p.RSS), p.Kind, p.Name)
	}
}
