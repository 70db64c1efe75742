package drafter

import (
	"github.com/kakeyad/kakeyad/core/plugin/drafter/drafterpb"
)

// The functions xToWire and xFromWire are each other's inverse for values that the contract allows;
// slices and maps are shared, not copied, but for the taps.

func targetToWire(t Target) *drafterpb.Target {
	return &drafterpb.Target{
		Architecture: t.Architecture,
		Name:         t.Name,
		Path:         t.Path,
		Vocabulary:   int64(t.Vocabulary),
		Layers:       int64(t.Layers),
		Width:        int64(t.Width),
		Context:      int64(t.Context),
		Sessions:     int64(t.Sessions),
		EndTokens:    t.EndTokens,
	}
}

func targetFromWire(m *drafterpb.Target) Target {
	return Target{
		Architecture: m.GetArchitecture(),
		Name:         m.GetName(),
		Path:         m.GetPath(),
		Vocabulary:   int(m.GetVocabulary()),
		Layers:       int(m.GetLayers()),
		Width:        int(m.GetWidth()),
		Context:      int(m.GetContext()),
		Sessions:     int(m.GetSessions()),
		EndTokens:    m.GetEndTokens(),
	}
}

func descriptionToWire(d Description) *drafterpb.Description {
	m := &drafterpb.Description{
		MaxDraft:  int64(d.MaxDraft),
		Confident: d.Confident,
		Samples:   d.Samples,
		Shares:    d.Shares,
		Memory:    d.Memory,
	}
	for _, layer := range d.Taps {
		m.Taps = append(m.Taps, int64(layer))
	}
	return m
}

func descriptionFromWire(m *drafterpb.Description) Description {
	d := Description{
		MaxDraft:  int(m.GetMaxDraft()),
		Confident: m.GetConfident(),
		Samples:   m.GetSamples(),
		Shares:    m.GetShares(),
		Memory:    m.GetMemory(),
	}
	for _, layer := range m.GetTaps() {
		d.Taps = append(d.Taps, int(layer))
	}
	return d
}

// turnsToWire takes turns whose sessions are proxies.
func turnsToWire(turns []Turn) []*drafterpb.Turn {
	out := make([]*drafterpb.Turn, len(turns))
	for i := range turns {
		t := &turns[i]
		m := &drafterpb.Turn{Session: t.Session.(*session).id, Accepted: int64(t.Accepted), Tokens: t.Tokens}
		if !t.Features.none() {
			m.Features = &drafterpb.Features{Pos: int64(t.Features.Pos), Rows: int64(t.Features.Rows), Data: t.Features.Data}
		}
		if t.Ask.N > 0 {
			m.Ask = &drafterpb.Ask{
				N:           int64(t.Ask.N),
				Floor:       t.Ask.Floor,
				Sample:      t.Ask.Sample,
				Temperature: t.Ask.Temperature,
				Seed:        t.Ask.Seed,
			}
		}
		out[i] = m
	}
	return out
}

// turnFromWire leaves the session to be found.
func turnFromWire(m *drafterpb.Turn) Turn {
	t := Turn{Accepted: int(m.GetAccepted()), Tokens: m.GetTokens()}
	if f := m.GetFeatures(); f != nil {
		t.Features = Features{Pos: int(f.GetPos()), Rows: int(f.GetRows()), Data: f.GetData()}
	}
	if a := m.GetAsk(); a != nil {
		t.Ask = Ask{
			N:           int(a.GetN()),
			Floor:       a.GetFloor(),
			Sample:      a.GetSample(),
			Temperature: a.GetTemperature(),
			Seed:        a.GetSeed(),
		}
	}
	return t
}

func proposalToWire(p Proposal) *drafterpb.Answer {
	m := &drafterpb.Answer{Tokens: p.Tokens, Confidence: p.Confidence}
	for i := range p.Drawn {
		m.Drawn = append(m.Drawn, &drafterpb.Distribution{Tokens: p.Drawn[i].Tokens, Probabilities: p.Drawn[i].Probabilities})
	}
	return m
}

func proposalFromWire(m *drafterpb.Answer) Proposal {
	p := Proposal{Tokens: m.GetTokens(), Confidence: m.GetConfidence()}
	for _, q := range m.GetDrawn() {
		p.Drawn = append(p.Drawn, Distribution{Tokens: q.GetTokens(), Probabilities: q.GetProbabilities()})
	}
	return p
}
