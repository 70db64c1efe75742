package backend

import (
	"time"

	"github.com/kakeyad/kakeyad/core/plugin/backend/backendpb"
)

func draftToWire(s DraftStats) *backendpb.DraftStats {
	m := &backendpb.DraftStats{
		Drafted:   int64(s.Drafted),
		Accepted:  int64(s.Accepted),
		Verified:  int64(s.Verified),
		VerifyNs:  int64(s.Verify),
		ProposeNs: int64(s.Propose),
		Off:       string(s.Off),
		Fault:     s.Fault,
		Hung:      s.Hung,
	}
	n := len(s.Positions)
	for n > 0 && s.Positions[n-1] == (DraftPosition{}) {
		n--
	}
	for _, p := range s.Positions[:n] {
		m.Positions = append(m.Positions, &backendpb.DraftPosition{Drafted: int64(p.Drafted), Accepted: int64(p.Accepted)})
	}
	return m
}

func draftFromWire(m *backendpb.DraftStats) DraftStats {
	s := DraftStats{
		Drafted:  int(m.GetDrafted()),
		Accepted: int(m.GetAccepted()),
		Verified: int(m.GetVerified()),
		Verify:   time.Duration(m.GetVerifyNs()),
		Propose:  time.Duration(m.GetProposeNs()),
		Off:      DraftOff(m.GetOff()),
		Fault:    m.GetFault(),
		Hung:     m.GetHung(),
	}
	for i, p := range m.GetPositions() {
		if i == len(s.Positions) {
			break
		}
		s.Positions[i] = DraftPosition{Drafted: int(p.GetDrafted()), Accepted: int(p.GetAccepted())}
	}
	return s
}
