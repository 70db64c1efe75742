package api

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/kakeyad/kakeyad/core/pool"
	"github.com/kakeyad/kakeyad/core/router"
)

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("kakeyad_"+name, help, labels, nil)
}

var (
	descBudget    = desc("memory_budget_bytes", "Memory that loaded models may take.")
	descUsed      = desc("memory_used_bytes", "Memory that loaded models take.")
	descLoadQueue = desc("loads_waiting", "Loads that wait for room.")
	descLoads     = desc("loads_total", "Models that were loaded.")
	descEvictions = desc("evictions_total", "Models that were unloaded to make room.")

	descRunning  = desc("plugin_running", "1 while the plugin runs.", "kind", "plugin")
	descRestarts = desc("plugin_restarts_total", "Starts of the plugin after the first.", "kind", "plugin")
	descRSS      = desc("plugin_resident_bytes", "Resident memory of the plugin's process.", "kind", "plugin")
)

// figure is a metric that is read off a T.
type figure[T any] struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func(*T) float64
}

var modelGauges = []figure[router.ModelStats]{
	{desc("model_loaded", "1 when the model is loaded, 0 while it is on its way.", "model"), prometheus.GaugeValue, func(m *router.ModelStats) float64 {
		if m.State == pool.StateReady {
			return 1
		}
		return 0
	}},
	{desc("model_bytes", "Memory that the model takes.", "model"), prometheus.GaugeValue, func(m *router.ModelStats) float64 { return float64(m.Bytes) }},
	{desc("model_active_requests", "Requests that are decoded now.", "model"), prometheus.GaugeValue, func(m *router.ModelStats) float64 { return float64(m.Backend.Active) }},
	{desc("model_queued_requests", "Requests that wait for a slot.", "model"), prometheus.GaugeValue, func(m *router.ModelStats) float64 { return float64(m.Backend.Waiting) }},
	{desc("model_slots", "Requests that may be decoded together.", "model"), prometheus.GaugeValue, func(m *router.ModelStats) float64 { return float64(m.Backend.Slots) }},
	{desc("model_cache_cells_used", "Cells of the KV cache that hold something.", "model"), prometheus.GaugeValue, func(m *router.ModelStats) float64 { return float64(m.Backend.CellsUsed) }},
	{desc("model_cache_cells", "Cells of the KV cache.", "model"), prometheus.GaugeValue, func(m *router.ModelStats) float64 { return float64(m.Backend.Cells) }},
	{desc("model_steps_total", "Decode steps.", "model"), prometheus.CounterValue, func(m *router.ModelStats) float64 { return float64(m.Backend.Steps) }},
	{desc("model_step_tokens_total", "Tokens in decode steps; by steps it is the mean batch.", "model"), prometheus.CounterValue, func(m *router.ModelStats) float64 { return float64(m.Backend.StepTokens) }},
	{desc("model_preempted_total", "Requests that gave up their cells for a while.", "model"), prometheus.CounterValue, func(m *router.ModelStats) float64 { return float64(m.Backend.Preempted) }},
	{desc("model_busy_seconds_total", "Time spent in decode steps.", "model"), prometheus.CounterValue, func(m *router.ModelStats) float64 { return m.Backend.Busy.Seconds() }},
}

var channelCounters = []figure[router.ChannelStats]{
	{desc("channel_active_requests", "Answers that are being generated.", "channel"), prometheus.GaugeValue, func(c *router.ChannelStats) float64 { return float64(c.Active) }},
	{desc("channel_requests_total", "Answers that have ended.", "channel"), prometheus.CounterValue, func(c *router.ChannelStats) float64 { return float64(c.Requests) }},
	{desc("channel_failed_total", "Of these, with an error.", "channel"), prometheus.CounterValue, func(c *router.ChannelStats) float64 { return float64(c.Failed) }},
	{desc("channel_cancelled_total", "Of these, cancelled.", "channel"), prometheus.CounterValue, func(c *router.ChannelStats) float64 { return float64(c.Cancelled) }},
	{desc("channel_prompt_tokens_total", "Tokens of prompts.", "channel"), prometheus.CounterValue, func(c *router.ChannelStats) float64 { return float64(c.PromptTokens) }},
	{desc("channel_cached_tokens_total", "Tokens of prompts that were found in the cache.", "channel"), prometheus.CounterValue, func(c *router.ChannelStats) float64 { return float64(c.CachedTokens) }},
	{desc("channel_output_tokens_total", "Tokens that were generated.", "channel"), prometheus.CounterValue, func(c *router.ChannelStats) float64 { return float64(c.OutputTokens) }},
}
