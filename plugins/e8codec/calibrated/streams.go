package calibrated

import (
	"context"
	"fmt"

	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/plugins/e8codec/entropy"
	"github.com/kakeyad/kakeyad/plugins/e8codec/lattice"
	"github.com/kakeyad/kakeyad/plugins/e8codec/spread"
)

// perStream is how many jobs have one stream: streams are worked on side by side, and each takes some 130 bytes
// for its states.
const perStream = 32

// streams are the jobs of all chains, those that share a stream together.
func streams(chains []*chain) (all [][]*job) {
	for _, s := range chains {
		for i := range s.jobs {
			if n := len(all); n == 0 || len(all[n-1]) == perStream {
				all = append(all, nil)
			}
			all[len(all)-1] = append(all[len(all)-1], &s.jobs[i])
		}
	}
	return all
}

// lay says what tiles the jobs have: of each its classes in turn, of a class eight tokens at a time, of those every
// block that is not dead. It calls visit with the tokens of each tile's lanes.
func (c *Coder) lay(jobs []*job, visit func(j *job, block int, tokens []int)) (tiles []entropy.BlockTile) {
	m := c.model
	var tokens []int
	tiles = make([]entropy.BlockTile, 0, c.mostTiles(jobs))
	for _, j := range jobs {
		for class, blocks := range j.spread {
			tokens = tokens[:0]
			for t, k := range j.classes {
				if int(k) == class {
					tokens = append(tokens, t)
				}
			}
			for rest := tokens; len(rest) > 0; {
				some := rest[:min(8, len(rest))]
				rest = rest[len(some):]
				for b, bin := range blocks {
					if bin == Dead {
						continue
					}
					tiles = append(tiles, entropy.BlockTile{Class: m.class(bin), Blocks: len(some)})
					visit(j, b, some)
				}
			}
		}
	}
	return tiles
}

// mostTiles bounds how many tiles jobs have.
func (c *Coder) mostTiles(jobs []*job) (n int) {
	for _, j := range jobs {
		n += (len(j.classes)/8 + min(len(j.classes), c.model.Classes)) * c.model.Width() / 8
	}
	return n
}

// encodeAll makes the streams of packed chains.
func (c *Coder) encodeAll(ctx context.Context, chains []*chain) (out [][]byte, err error) {
	all := streams(chains)
	out = make([][]byte, len(all))
	n := c.model.Width()
	return out, spread.Over(len(all), 1, func(lo, hi int) error {
		var enc entropy.Encoder
		for i := lo; i < hi; i++ {
			if err := ctx.Err(); err != nil {
				return err
			}
			for _, j := range all[i] {
				for _, k := range j.classes {
					enc.Choose(c.model.choices[j.Layer][j.part], int(k))
				}
			}
			z := make([]int16, 0, c.mostTiles(all[i])*lattice.Tile)
			tiles := c.lay(all[i], func(j *job, block int, tokens []int) {
				at := len(z)
				z = z[:at+lattice.Tile]
				for lane, t := range tokens {
					for k, code := range j.codes[t*n+8*block : t*n+8*block+8] {
						z[at+8*k+lane] = code
					}
				}
			})
			out[i] = enc.Blocks(nil, z, tiles)
		}
		return nil
	})
}

// decodeAll fills the chains' codes and classes.
func (c *Coder) decodeAll(ctx context.Context, chains []*chain, in [][]byte) error {
	all := streams(chains)
	if len(in) != len(all) {
		return fmt.Errorf("frame: %w: %d streams, not %d", base.ErrCorrupt, len(in), len(all))
	}
	return spread.Over(len(all), 1, func(lo, hi int) error {
		var dec entropy.Decoder
		for i := lo; i < hi; i++ {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := c.decodeStream(all[i], in[i], &dec); err != nil {
				return fmt.Errorf("frame: stream %d: %w", i, err)
			}
		}
		return nil
	})
}

func (c *Coder) decodeStream(jobs []*job, src []byte, dec *entropy.Decoder) error {
	r, err := entropy.NewBlockReader(src)
	if err != nil {
		return err
	}
	n := c.model.Width()
	for _, j := range jobs {
		choices := c.model.choices[j.Layer][j.part]
		for t := range j.classes {
			j.classes[t] = uint8(r.Choose(choices))
		}
	}
	count := 0
	tiles := c.lay(jobs, func(*job, int, []int) { count++ })
	z := make([]int16, count*lattice.Tile)
	if err := r.Blocks(z, tiles, dec); err != nil {
		return err
	}
	c.lay(jobs, func(j *job, block int, tokens []int) {
		for lane, t := range tokens {
			for k := range 8 {
				j.codes[t*n+8*block+k] = z[8*k+lane]
			}
		}
		z = z[lattice.Tile:]
	})
	return nil
}
