package session

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

const benchPage = 600_000 // bytes

func BenchmarkPut(b *testing.B) {
	for _, where := range []string{"memory", "disk"} {
		b.Run(where, func(b *testing.B) {
			o := Options{RAMBytes: 256 << 20, DiskBytes: 256 << 20}
			if where == "disk" {
				o.Dir = b.TempDir()
			}
			s := openStore(b, o)
			data := pageData(Key{}, benchPage)
			b.SetBytes(benchPage)
			b.ResetTimer()
			for i := range b.N {
				p := Page{Identity: all, Tokens: prompt(1, int32(i)), Data: data}
				require.NoError(b, s.Put(ctx, p))
			}
			require.NoError(b, s.Flush(ctx))
		})
	}
}

func BenchmarkLookup(b *testing.B) {
	for _, pages := range []int{16, 512} {
		b.Run(fmt.Sprint(pages, " pages"), func(b *testing.B) {
			s := openStore(b, Options{})
			tokens := prompt(pages, 1)
			park(b, s, all, tokens, 100)
			require.NoError(b, s.Flush(ctx))
			b.ResetTimer()
			for range b.N {
				p, err := s.Lookup(ctx, all, tokens)
				require.NoError(b, err)
				p.Release()
			}
		})
	}
}

// BenchmarkRestore reads 16 pages, 1,024 tokens.
func BenchmarkRestore(b *testing.B) {
	for where, o := range map[string]Options{"ram": {RAMBytes: 256 << 20}, "disk": {RAMBytes: -1}} {
		b.Run(where, func(b *testing.B) {
			o.Dir = b.TempDir()
			s := openStore(b, o)
			tokens := prompt(16, 1)
			for _, p := range pagesOf(all, tokens, 100) {
				p.Data = pageData(p.Key(), benchPage)
				require.NoError(b, s.Put(ctx, p))
			}
			require.NoError(b, s.Flush(ctx))
			b.SetBytes(16 * benchPage)
			b.ResetTimer()
			for range b.N {
				p, err := s.Lookup(ctx, all, tokens)
				require.NoError(b, err)
				for i := range p.Pages() {
					_, err := p.Page(ctx, i)
					require.NoError(b, err)
				}
				p.Release()
			}
		})
	}
}
