package api

import (
	"time"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/router"
)

// poolStats is how the memory for models is used.
type poolStats struct {
	BudgetBytes int64 `json:"budget_bytes"`
	UsedBytes   int64 `json:"used_bytes"`
	Waiting     int   `json:"waiting"` // loads that wait for room
	Loads       int64 `json:"loads"`
	Failures    int64 `json:"failures"`
	Unloads     int64 `json:"unloads"`
	Evictions   int64 `json:"evictions"`
	Expired     int64 `json:"expired"`
	Died        int64 `json:"died"`
}

// modelStats is one loaded model, or one on its way.
type modelStats struct {
	Model        string     `json:"model"` // what channels share a loaded model by
	State        string     `json:"state"`
	Stage        string     `json:"stage,omitempty"` // of its loading
	Progress     float32    `json:"progress"`        // from 0 to 1
	Bytes        int64      `json:"bytes"`
	Requests     int        `json:"requests"` // that hold it now
	Waiting      int        `json:"waiting"`  // that wait for it to be loaded
	Pinned       bool       `json:"pinned"`
	LastUsed     time.Time  `json:"last_used"`
	Expires      *time.Time `json:"expires,omitempty"`
	Active       int        `json:"active"` // in slots
	Queued       int        `json:"queued"`
	Slots        int        `json:"slots"`
	CellsUsed    int        `json:"cells_used"`
	Cells        int        `json:"cells"`
	Finished     int64      `json:"finished"`
	PromptTokens int64      `json:"prompt_tokens"`
	CachedTokens int64      `json:"cached_tokens"`
	OutputTokens int64      `json:"output_tokens"`
	Steps        int64      `json:"steps"`
	MeanBatch    float64    `json:"mean_batch"` // tokens a step
	Preempted    int64      `json:"preempted"`
	BusySeconds  float64    `json:"busy_seconds"`
	Compiled     int64      `json:"compiled,omitempty"` // programs

	Draft *draftStats `json:"draft,omitempty"`
}

// draftStats is what was drafted for a model.
type draftStats struct {
	Drafted        int             `json:"drafted"`
	Accepted       int             `json:"accepted"`
	Verifications  int             `json:"verifications"`
	MeanCommitted  float64         `json:"mean_committed"` // tokens a verification
	Positions      []draftPosition `json:"positions"`      // by place in the proposal
	VerifySeconds  float64         `json:"verify_seconds"`
	ProposeSeconds float64         `json:"propose_seconds"`
	Unpaid         int64           `json:"unpaid"` // requests
	Failed         int64           `json:"failed"` // requests
}

type draftPosition struct {
	Drafted  int `json:"drafted"`
	Accepted int `json:"accepted"`
}

type channelStats struct {
	Channel      string `json:"channel"`
	Active       int64  `json:"active"`
	Requests     int64  `json:"requests"`
	Failed       int64  `json:"failed"`
	Cancelled    int64  `json:"cancelled"`
	PromptTokens int64  `json:"prompt_tokens"`
	CachedTokens int64  `json:"cached_tokens"`
	Restored     int64  `json:"restored_tokens"`
	OutputTokens int64  `json:"output_tokens"`
}

// sessionStats is what is kept of conversations that are idle. Nominal bytes are those of the same
// keys and values in f16.
type sessionStats struct {
	pagesStats
	RAMBytes    int64         `json:"ram_bytes"`    // of pages that need not be read from disk
	DiskBytes   int64         `json:"disk_bytes"`   // of the file
	QueuedBytes int64         `json:"queued_bytes"` // that wait to be written
	Parked      pagesStats    `json:"parked"`       // since the start
	Restored    pagesStats    `json:"restored"`     // since the start
	FromRAM     int64         `json:"restored_from_ram"`
	Hits        int64         `json:"hits"` // prompts whose beginning was kept
	Misses      int64         `json:"misses"`
	Evicted     int64         `json:"evicted"`
	Expired     int64         `json:"expired"`
	Rejected    int64         `json:"rejected"`
	Damaged     int64         `json:"damaged"`
	Failures    int64         `json:"write_failures"`
	Formats     []formatStats `json:"formats"`
}

type pagesStats struct {
	Pages   int64 `json:"pages"`
	Bytes   int64 `json:"bytes"`
	Nominal int64 `json:"nominal_bytes"`
}

type formatStats struct {
	Format string `json:"format"`
	pagesStats
}

// stats is GET /v1/kakeya/stats.
func (s *Server) stats(x *exchange) error {
	all := s.router.Stats(s.ctx)
	u := all.Pool
	models := make([]modelStats, len(all.Models))
	for i := range all.Models {
		models[i] = modelStatsOf(&all.Models[i])
	}
	channels := make([]channelStats, len(all.Channels))
	for i, c := range all.Channels {
		channels[i] = channelStats{c.Name, c.Active, c.Requests, c.Failed, c.Cancelled, c.PromptTokens, c.CachedTokens, c.Restored, c.OutputTokens}
	}
	return encode(x, struct {
		Pool     poolStats      `json:"pool"`
		Models   []modelStats   `json:"models"`
		Channels []channelStats `json:"channels"`
		Sessions *sessionStats  `json:"sessions,omitempty"`
		Plugins  []pluginStats  `json:"plugins,omitempty"`
	}{poolStats{
		BudgetBytes: u.Budget, UsedBytes: u.Used, Waiting: u.Waiting,
		Loads: u.Counts.Loads, Failures: u.Counts.Failures, Unloads: u.Counts.Unloads,
		Evictions: u.Counts.Evictions, Expired: u.Counts.Expired, Died: u.Counts.Died,
	}, models, channels, sessionStatsOf(all.Sessions), s.pluginStats()})
}

// pluginStats is a plugin that was asked for.
type pluginStats struct {
	pluginHealth
	RSSBytes int64          `json:"resident_bytes"`
	Ends     map[string]int `json:"ends"`            // of its processes, by why
	Error    string         `json:"error,omitempty"` // the last one's, in full
}

func (s *Server) pluginStats() (out []pluginStats) {
	for _, p := range s.askedPlugins() {
		out = append(out, pluginStats{pluginHealth{p.Kind, p.Name, p.State, p.Restarts, p.Reason}, p.RSS, p.Ends, p.Error})
	}
	return out
}

func sessionStatsOf(s *router.SessionStats) *sessionStats {
	if s == nil {
		return nil
	}
	c := s.Counts
	out := &sessionStats{
		pagesStats: pagesStats{int64(s.Pages), s.Bytes, s.Nominal},
		RAMBytes:   s.RAM, DiskBytes: s.Disk, QueuedBytes: s.Queued,
		Parked:   pagesStats{c.Puts, c.PutBytes, c.PutNominal},
		Restored: pagesStats{c.PagesFromRAM + c.PagesRead, c.BytesRestored, c.NominalRestored},
		FromRAM:  c.PagesFromRAM, Hits: c.Hits, Misses: c.Misses, Evicted: c.Evicted, Expired: c.Expired,
		Rejected: c.Rejected, Damaged: c.Damaged, Failures: c.WriteFailures,
		Formats: make([]formatStats, len(s.Formats)),
	}
	for i, f := range s.Formats {
		out.Formats[i] = formatStats{f.Format, pagesStats{int64(f.Pages), f.Bytes, f.Nominal}}
	}
	return out
}

func modelStatsOf(m *router.ModelStats) modelStats {
	b := m.Backend
	out := modelStats{
		Model: m.Key, State: string(m.State), Stage: m.Progress.Stage, Progress: m.Progress.Fraction,
		Bytes: m.Bytes, Requests: m.Leases, Waiting: m.Waiters, Pinned: m.Pinned, LastUsed: m.LastUsed,
		Active: b.Active, Queued: b.Waiting, Slots: b.Slots, CellsUsed: b.CellsUsed, Cells: b.Cells,
		Finished: b.Requests, PromptTokens: b.PromptTokens, CachedTokens: b.CachedTokens,
		OutputTokens: b.OutputTokens, Steps: b.Steps, Preempted: b.Preempted, BusySeconds: b.Busy.Seconds(), Compiled: b.Compiled,
	}
	if !m.Expires.IsZero() {
		out.Expires = &m.Expires
	}
	if b.Steps > 0 {
		out.MeanBatch = float64(b.StepTokens) / float64(b.Steps)
	}
	out.Draft = draftStatsOf(&b)
	return out
}

// draftStatsOf is nil when nothing was drafted.
func draftStatsOf(b *backend.Stats) *draftStats {
	d := &b.Draft
	if d.Verified == 0 && b.DraftFailed == 0 {
		return nil
	}
	out := &draftStats{
		Drafted: d.Drafted, Accepted: d.Accepted, Verifications: d.Verified, MeanCommitted: d.Committed(),
		Positions:     []draftPosition{},
		VerifySeconds: d.Verify.Seconds(), ProposeSeconds: d.Propose.Seconds(),
		Unpaid: b.DraftUnpaid, Failed: b.DraftFailed,
	}
	for _, p := range d.Positions {
		if p.Drafted > 0 {
			out.Positions = append(out.Positions, draftPosition{p.Drafted, p.Accepted})
		}
	}
	return out
}
