package calibrated

import (
	"context"
	"slices"

	contract "github.com/kakeyad/kakeyad/core/plugin/codec"
	"github.com/kakeyad/kakeyad/plugins/e8codec/spread"
)

// chain is vectors of the same tokens, one of a layer's K or V each, in the order in which they are predicted.
type chain struct {
	coder  *Coder
	jobs   []job
	of     map[[2]int]int // by layer and part, which job
	pos    int
	tokens int
	finer  bool // the guard found it unlike

	decided bool // whether it is, is known
	from    int  // the first job that is to be done
}

// job is one of them.
type job struct {
	contract.Vectors
	at     int // among the call's
	part   int // 0: keys, 1: values
	form   *form
	step   float32   // what steps are multiplied with
	spread [][]uint8 // the bins of its blocks, [class, block]
	inputs [][2]int  // what it is predicted from: layer and part
	needed bool      // others are predicted from it
	units  []int16   // as others are predicted from it, [tokens, width]; nil: each worker has its own

	codes   []int16 // [tokens, width]
	classes []uint8 // [tokens]
}

// chains sorts a call's vectors. How a job is packed follows from the headers alone.
func (c *Coder) chains(v []contract.Vectors) (all []*chain) {
	type tokens struct{ pos, n int }
	of := map[tokens][]*chain{}
	for i := range v {
		part := 0
		if v[i].Part == contract.Value {
			part = 1
		}
		key := [2]int{v[i].Layer, part}
		same := tokens{v[i].Pos, v[i].Tokens}
		k := slices.IndexFunc(of[same], func(s *chain) bool {
			_, taken := s.of[key]
			return !taken
		})
		if k < 0 {
			k = len(of[same])
			s := &chain{coder: c, of: map[[2]int]int{}, pos: v[i].Pos, tokens: v[i].Tokens}
			of[same], all = append(of[same], s), append(all, s)
		}
		s := of[same][k]
		s.of[key] = 0
		s.jobs = append(s.jobs, job{Vectors: v[i], at: i, part: part})
	}
	for _, s := range all {
		slices.SortFunc(s.jobs, func(a, b job) int { return 2*(a.Layer-b.Layer) + a.part - b.part })
		for i := range s.jobs {
			s.of[[2]int{s.jobs[i].Layer, s.jobs[i].part}] = i
		}
		for i := range s.jobs {
			s.choose(&s.jobs[i])
			s.jobs[i].choose(c, c.pitch)
		}
	}
	return all
}

// choose finds a job's form.
func (s *chain) choose(j *job) {
	m := s.coder.model
	p := m.parts[j.Layer][j.part]
	j.form = p.alone
	if p.within == nil || s.coder.how != Page {
		return
	}
	var inputs [][2]int
	for layer := max(0, j.Layer-m.Depth); layer < j.Layer; layer++ {
		inputs = append(inputs, [2]int{layer, 0}, [2]int{layer, 1})
	}
	if j.part == 1 {
		inputs = append(inputs, [2]int{j.Layer, 0})
	}
	for _, in := range inputs {
		if _, there := s.of[in]; !there {
			return
		}
	}
	j.form, j.inputs = p.within, inputs
	for _, in := range inputs {
		s.jobs[s.of[in]].needed = true
	}
}

// choose gives a job its steps.
func (j *job) choose(c *Coder, p *pitch) {
	j.step = p.step
	j.spread = p.spreads[j.Layer][j.part].alone
	if j.form == c.model.parts[j.Layer][j.part].within {
		j.spread = p.spreads[j.Layer][j.part].within
	}
}

// makeRoom is for the codes of chains.
func makeRoom(chains []*chain) {
	for _, s := range chains {
		n := s.coder.model.Width()
		for i := range s.jobs {
			s.jobs[i].codes, s.jobs[i].classes = make([]int16, s.tokens*n), make([]uint8, s.tokens)
		}
	}
}

// What a run does. Without packing it takes the codes that are there.
type action uint8

const (
	packing  action = 1 << iota // finds codes, and keeps them where there is room
	storing                     // writes what is decoded over the vectors
	watching                    // for the guard: notes how wide coordinates are
)

// How many tokens go through the layers together: so many that a layer's weights are worth fetching. What is packed is
// usually one page, for which all processors are there; pages are read several at a time.
const (
	packedChunk = 32
	readChunk   = 64
)

// run works through the tokens of chains, on all processors, and returns who did.
func run(ctx context.Context, chains []*chain, do action) ([]*worker, error) {
	type work struct {
		*chain
		lo, hi int
	}
	var all []work
	most := readChunk
	if do&packing != 0 {
		most = packedChunk
	}
	for _, s := range chains {
		size := min(most, max(1, (s.tokens+1)/2))
		if do&packing == 0 && s.tokens <= most {
			size = s.tokens
		}
		for lo := 0; lo < s.tokens; lo += size {
			all = append(all, work{s, lo, min(lo+size, s.tokens)})
		}
	}
	workers := make([]*worker, len(all))
	return workers, spread.Over(len(all), max(1, min(8, len(all)/8)), func(lo, hi int) error {
		for i := lo; i < hi; i++ {
			w := all[i].newWorker(all[i].lo, all[i].hi)
			if err := w.run(ctx, do); err != nil {
				return err
			}
			if do&watching != 0 {
				workers[i] = w
			}
		}
		return nil
	})
}
