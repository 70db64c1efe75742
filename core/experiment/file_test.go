package experiment

import (
	"encoding/binary"
	"hash/crc32"
	"testing"

	"github.com/stretchr/testify/require"
)

func sample(tb testing.TB) []byte {
	r := results{Name: "x", Digest: "d"}
	f := figures{arm: B, split: 0.1}
	r.count(Observation{Arm: B, Rate: 20, FirstToken: 1e8}, &f)
	r.close(&f)
	r.pair(Pair{Greedy: true, Parted: 3, Length: 9, Rate: [2]float64{1, 2}})
	data, err := encode([]results{r, {Name: "y"}})
	require.NoError(tb, err)
	return data
}

func TestFile(t *testing.T) {
	data := sample(t)
	all, err := decode(data)
	require.NoError(t, err)
	again, err := encode(all)
	require.NoError(t, err)
	require.Equal(t, data, again)
	require.Equal(t, "x", all[0].Name)
	for i := range data {
		for _, flip := range []byte{1, 0x80} {
			damaged := append([]byte(nil), data...)
			damaged[i] ^= flip
			_, err := decode(damaged)
			require.ErrorIs(t, err, ErrFile, "byte %d", i)
		}
		_, err := decode(data[:i])
		require.ErrorIs(t, err, ErrFile)
	}
	_, err = decode(append(data, 0))
	require.ErrorIs(t, err, ErrFile)
	newer := append([]byte(nil), data...)
	newer[len(magic)-1] = 9
	_, err = decode(newer)
	require.ErrorContains(t, err, "its version is 9, this program reads 1")
}

// FuzzDecode: what is read is sound, and what is not is refused. The fuzzer's body gets a head, or it
// would hardly come past the checksum.
func FuzzDecode(f *testing.F) {
	f.Add(sample(f)[headBytes:])
	f.Add([]byte(`[{"name":"x","generation":{"scores":{"n":-1,"sum2":-3}},"failures":[{"n":1,"sum":2}]}]`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, body []byte) {
		_, _ = decode(body)
		data := binary.LittleEndian.AppendUint32([]byte(magic), uint32(len(body)))
		sum := crc32.Update(crc32.Checksum(data, castagnoli), castagnoli, body)
		data = append(binary.LittleEndian.AppendUint32(data, sum), body...)
		all, err := decode(data)
		if err != nil {
			require.ErrorIs(t, err, ErrFile)
			return
		}
		for _, r := range all {
			for _, shadow := range []bool{false, true} { // a report of it can be made and told
				_ = asJSON(t, newReport(&experiment{definition: Definition{Shadow: shadow}, results: r}))
			}
		}
	})
}
