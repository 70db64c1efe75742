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
	descOpen    = desc("requests_running", "Requests that run or wait, for a place, a load or a slot.")
	descWaiting = desc("requests_waiting", "Of these, those that wait for a place: see server.max_streams.")

	descBudget    = desc("memory_budget_bytes", "Memory that loaded models may take.")
	descUsed      = desc("memory_used_bytes", "Memory that loaded models take.")
	descLoadQueue = desc("loads_waiting", "Loads that wait for room.")
	descLoads     = desc("loads_total", "Models that were loaded.")
	descEvictions = desc("evictions_total", "Models that were unloaded to make room.")

	descRunning  = desc("plugin_running", "1 while the plugin runs.", "kind", "plugin")
	descRestarts = desc("plugin_restarts_total", "Starts of the plugin after the first.", "kind", "plugin")
	descEnds     = desc("plugin_ends_total", "Processes of the plugin that ended, or did not come to run: died, unwell, hung, lied or refused.", "kind", "plugin", "reason")
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
	{desc("model_compiled_total", "Programs that the backend compiled.", "model"), prometheus.CounterValue, func(m *router.ModelStats) float64 { return float64(m.Backend.Compiled) }},
	{desc("model_busy_seconds_total", "Time spent in decode steps.", "model"), prometheus.CounterValue, func(m *router.ModelStats) float64 { return m.Backend.Busy.Seconds() }},
	{desc("model_drafted_tokens_total", "Drafted tokens that were verified.", "model"), prometheus.CounterValue, func(m *router.ModelStats) float64 { return float64(m.Backend.Draft.Drafted) }},
	{desc("model_draft_accepted_tokens_total", "Of these, accepted.", "model"), prometheus.CounterValue, func(m *router.ModelStats) float64 { return float64(m.Backend.Draft.Accepted) }},
	{desc("model_draft_verifications_total", "Proposals that were verified; each commits what is accepted and one token more.", "model"), prometheus.CounterValue, func(m *router.ModelStats) float64 { return float64(m.Backend.Draft.Verified) }},
	{desc("model_draft_verify_seconds_total", "Time by which drafted tokens prolonged decode steps.", "model"), prometheus.CounterValue, func(m *router.ModelStats) float64 { return m.Backend.Draft.Verify.Seconds() }},
	{desc("model_draft_propose_seconds_total", "Time spent waiting for the drafter.", "model"), prometheus.CounterValue, func(m *router.ModelStats) float64 { return m.Backend.Draft.Propose.Seconds() }},
	{desc("model_draft_unpaid_total", "Requests whose drafting was switched off as it did not pay.", "model"), prometheus.CounterValue, func(m *router.ModelStats) float64 { return float64(m.Backend.DraftUnpaid) }},
	{desc("model_draft_failed_total", "Requests that went on without a drafter that failed.", "model"), prometheus.CounterValue, func(m *router.ModelStats) float64 { return float64(m.Backend.DraftFailed) }},
}

var channelCounters = []figure[router.ChannelStats]{
	{desc("channel_active_requests", "Answers that are being generated.", "channel"), prometheus.GaugeValue, func(c *router.ChannelStats) float64 { return float64(c.Active) }},
	{desc("channel_requests_total", "Answers that have ended.", "channel"), prometheus.CounterValue, func(c *router.ChannelStats) float64 { return float64(c.Requests) }},
	{desc("channel_failed_total", "Of these, with an error.", "channel"), prometheus.CounterValue, func(c *router.ChannelStats) float64 { return float64(c.Failed) }},
	{desc("channel_cancelled_total", "Of these, cancelled.", "channel"), prometheus.CounterValue, func(c *router.ChannelStats) float64 { return float64(c.Cancelled) }},
	{desc("channel_prompt_tokens_total", "Tokens of prompts.", "channel"), prometheus.CounterValue, func(c *router.ChannelStats) float64 { return float64(c.PromptTokens) }},
	{desc("channel_cached_tokens_total", "Tokens of prompts that were found in the cache.", "channel"), prometheus.CounterValue, func(c *router.ChannelStats) float64 { return float64(c.CachedTokens) }},
	{desc("channel_restored_tokens_total", "Of these, parked before and restored.", "channel"), prometheus.CounterValue, func(c *router.ChannelStats) float64 { return float64(c.Restored) }},
	{desc("channel_output_tokens_total", "Tokens that were generated.", "channel"), prometheus.CounterValue, func(c *router.ChannelStats) float64 { return float64(c.OutputTokens) }},
}

var sessionFigures = []figure[router.SessionStats]{
	{desc("session_ram_bytes", "Bytes of parked pages that need not be read from disk."), prometheus.GaugeValue, func(s *router.SessionStats) float64 { return float64(s.RAM) }},
	{desc("session_disk_bytes", "Bytes of the file of parked pages."), prometheus.GaugeValue, func(s *router.SessionStats) float64 { return float64(s.Disk) }},
	{desc("session_queued_bytes", "Bytes of parked pages that wait to be written."), prometheus.GaugeValue, func(s *router.SessionStats) float64 { return float64(s.Queued) }},
	{desc("session_parked_pages_total", "Pages that were parked."), prometheus.CounterValue, func(s *router.SessionStats) float64 { return float64(s.Counts.Puts) }},
	{desc("session_parked_bytes_total", "Bytes of these, packed."), prometheus.CounterValue, func(s *router.SessionStats) float64 { return float64(s.Counts.PutBytes) }},
	{desc("session_parked_nominal_bytes_total", "Bytes of these in f16."), prometheus.CounterValue, func(s *router.SessionStats) float64 { return float64(s.Counts.PutNominal) }},
	{desc("session_restored_pages_total", "Pages that were restored."), prometheus.CounterValue, func(s *router.SessionStats) float64 { return float64(s.Counts.PagesFromRAM + s.Counts.PagesRead) }},
	{desc("session_restored_bytes_total", "Bytes of these, packed."), prometheus.CounterValue, func(s *router.SessionStats) float64 { return float64(s.Counts.BytesRestored) }},
	{desc("session_restored_nominal_bytes_total", "Bytes of these in f16."), prometheus.CounterValue, func(s *router.SessionStats) float64 { return float64(s.Counts.NominalRestored) }},
	{desc("session_restored_from_ram_total", "Restored pages that were in memory."), prometheus.CounterValue, func(s *router.SessionStats) float64 { return float64(s.Counts.PagesFromRAM) }},
	{desc("session_hits_total", "Prompts whose beginning was parked."), prometheus.CounterValue, func(s *router.SessionStats) float64 { return float64(s.Counts.Hits) }},
	{desc("session_misses_total", "Prompts whose beginning was not."), prometheus.CounterValue, func(s *router.SessionStats) float64 { return float64(s.Counts.Misses) }},
	{desc("session_evicted_pages_total", "Parked pages that made room."), prometheus.CounterValue, func(s *router.SessionStats) float64 { return float64(s.Counts.Evicted) }},
	{desc("session_rejected_pages_total", "Pages that did not fit or could not be written."), prometheus.CounterValue, func(s *router.SessionStats) float64 { return float64(s.Counts.Rejected) }},
	{desc("session_damaged_pages_total", "Parked pages lost to damage."), prometheus.CounterValue, func(s *router.SessionStats) float64 { return float64(s.Counts.Damaged) }},
}

var formatGauges = []figure[router.FormatStats]{
	{desc("session_pages", "Parked pages.", "format"), prometheus.GaugeValue, func(f *router.FormatStats) float64 { return float64(f.Pages) }},
	{desc("session_bytes", "Bytes of parked pages.", "format"), prometheus.GaugeValue, func(f *router.FormatStats) float64 { return float64(f.Bytes) }},
	{desc("session_nominal_bytes", "Bytes of the same keys and values in f16.", "format"), prometheus.GaugeValue, func(f *router.FormatStats) float64 { return float64(f.Nominal) }},
}
