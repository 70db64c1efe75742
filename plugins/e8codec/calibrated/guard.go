package calibrated

import (
	"context"
	"math"
)

// What is unlike the texts that a calibration was learned from matters more than its errors' sizes say, so its pages get
// finer steps. It shows in the first layers that are predicted: their coordinates are wider than was learned.
const (
	guardFrom, guardTo = 1, 2 // layers that are looked at
	guardTokens        = 16   // of a chain, at least
	guardChains        = 16   // of a frame that have a bit in its head, the first ones
	guardBits          = 0.45 // wider than learned, in bits of a coordinate; docs/calibrated.md has those of texts
	guardSteps         = 0.7072
)

// fallBack is the pitch of what is unlike, half an octave finer, or the finest there is. Nil: there is none finer.
func (c *Calibration) fallBack(of pitch) *pitch {
	_, most := c.Qs()
	for q := of.q + 1; q <= most; q++ {
		p, err := c.pitchOf(q)
		if err != nil {
			return nil
		}
		if p.step <= guardSteps*of.step || q == most {
			return &p
		}
	}
	return nil
}

// guarded says whether chain number i can have finer steps: it has what is looked at, and something after it.
func (c *Coder) guarded(s *chain, i int) bool {
	if c.finer == nil || c.how != Page || i >= guardChains || s.tokens < guardTokens || c.model.Layers <= guardTo+1 {
		return false
	}
	for layer := range guardTo + 1 {
		for part := range 2 {
			if _, there := s.of[[2]int{layer, part}]; !there {
				return false
			}
		}
	}
	return true
}

// guard finds the chains that get finer steps.
func (c *Coder) guard(ctx context.Context, chains []*chain) error {
	for i, s := range chains {
		if c.bold || s.decided || !c.guarded(s, i) {
			continue
		}
		workers, err := run(ctx, []*chain{s.looked()}, packing|watching)
		if err != nil {
			return err
		}
		if unlike(workers) > guardBits {
			s.refine()
		}
	}
	return nil
}

// looked is the chain of what is looked at, in the finest steps there are: what is found is the same at every q.
func (s *chain) looked() *chain {
	l := &chain{coder: s.coder, of: s.of, pos: s.pos, tokens: s.tokens}
	for _, j := range s.jobs {
		if j.Layer <= guardTo {
			j.codes, j.classes, j.units, j.needed = nil, nil, nil, true
			j.choose(s.coder, s.coder.finest)
			l.jobs = append(l.jobs, j)
		}
	}
	return l
}

// refine gives a chain finer steps, but for the layers by which it was decided.
func (s *chain) refine() {
	s.finer = true
	for i := range s.jobs {
		if j := &s.jobs[i]; j.Layer > guardTo {
			j.choose(s.coder, s.coder.finer)
		}
	}
}

// width is how wide a block's coordinates are, all tokens together.
type width struct{ seen, learned float64 }

// unlike is by how many bits coordinates are wider than learned, on average.
func unlike(workers []*worker) float64 {
	sum, n := 0.0, 0
	for k := range workers[0].widths {
		var all width
		for _, w := range workers {
			all.seen += w.widths[k].seen
			all.learned += w.widths[k].learned
		}
		if all.learned == 0 {
			continue
		}
		sum += math.Log2(all.seen/all.learned) / 2
		n++
	}
	return sum / float64(max(1, n))
}

// watch notes how wide a token's coordinates z are.
func (w *worker) watch(j *job, z []float32, class int) {
	m := w.coder.model
	first := ((j.Layer-guardFrom)*2 + j.part) * (w.n / 8)
	for b, bin := range j.spread[class] {
		if bin == Dead {
			continue
		}
		const rounding = 8.0 / 12 // what steps add in any case, of eight coordinates
		sum := rounding
		for _, v := range z[8*b : 8*b+8] {
			sum += float64(v) * float64(v)
		}
		at := &w.widths[first+b]
		at.seen += sum
		at.learned += rounding + 8*m.bins[bin].energy
	}
}

// energy is the mean square of a bin's coordinates.
func (b *Bin) energy() float64 {
	mean := func(side []Magnitude, of func(u int) float64, zeroOnce bool) float64 {
		sum, all := 0.0, 0.0
		for u, m := range side {
			p := float64(m.Weight)
			if u > 0 || !zeroOnce {
				p *= 2
			}
			sum, all = sum+p*of(u)*of(u), all+p
		}
		return sum / all
	}
	if b.Shift > 0 {
		unit := math.Exp2(float64(b.Shift))
		return mean(b.Odd, func(u int) float64 { return (float64(u) + 0.5) * unit }, false)
	}
	whole := mean(b.Even, func(u int) float64 { return float64(u) }, true)
	halves := mean(b.Odd, func(u int) float64 { return float64(u) + 0.5 }, false)
	return (1-float64(b.Half))*whole + float64(b.Half)*halves
}
