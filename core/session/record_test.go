package session

import (
	"encoding/binary"
	"hash/crc32"
	"testing"

	"github.com/stretchr/testify/require"
)

func sampleRecord() record {
	r := record{meta: meta{identity: alice, parent: alice.Root(), created: 5, nominal: 7}, data: []byte("packed")}
	for i := range r.tokens {
		r.tokens[i] = int32(i) - 3
	}
	return r
}

func sampleEntry() entry {
	r := sampleRecord()
	return entry{meta: r.meta, key: r.key(), used: -1, size: 6}
}

func TestRecordsReadBack(t *testing.T) {
	r := sampleRecord()
	got, err := parseRecord(r.append(nil))
	require.NoError(t, err)
	require.Equal(t, r, got)
	e := sampleEntry()
	read, err := parseEntry(e.append(nil))
	require.NoError(t, err)
	require.Equal(t, e, read)
}

func TestEachByteCounts(t *testing.T) {
	r, e := sampleRecord(), sampleEntry()
	for _, b := range [][]byte{r.append(nil), e.append(nil)} {
		for i := range b {
			b[i] ^= 0x10
			_, err := parseRecord(b)
			require.ErrorIs(t, err, ErrDamaged, "byte %d", i)
			_, err = parseEntry(b)
			require.ErrorIs(t, err, ErrDamaged, "byte %d", i)
			b[i] ^= 0x10
			_, err = parseRecord(b[:i])
			require.ErrorIs(t, err, ErrDamaged)
			_, err = parseEntry(b[:i])
			require.ErrorIs(t, err, ErrDamaged)
		}
	}
}

// seal gives bytes a good checksum, so that fuzzing gets past it.
func seal(b []byte) []byte {
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

func FuzzRecord(f *testing.F) {
	r, e := sampleRecord(), sampleEntry()
	for _, b := range [][]byte{nil, r.append(nil), e.append(nil)} {
		f.Add(b[:max(0, len(b)-4)])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, b := range [][]byte{b, seal(b[:len(b):len(b)])} {
			if r, err := parseRecord(b); err == nil {
				require.Equal(t, b, r.append(nil))
			} else {
				require.ErrorIs(t, err, ErrDamaged)
			}
			if e, err := parseEntry(b); err == nil {
				require.Equal(t, b, e.append(nil))
			} else {
				require.ErrorIs(t, err, ErrDamaged)
			}
		}
	})
}

func TestKeys(t *testing.T) {
	// Stored pages are found by these: a change needs another version of the file.
	require.Equal(t, "f769c67c1e3f363192ede52d3381069b2431a2797b767afa427d3a8819d770aa", Keys(all, prompt(1, 1))[0].String())
	seen := map[Key]string{}
	for name, k := range map[string]Key{
		"root":         all.Root(),
		"alice":        alice.Root(),
		"model moved":  Identity{Model: "smole8", Codec: "-q38"}.Root(),
		"first":        Keys(all, prompt(1, 1))[0],
		"first, other": Keys(all, prompt(1, 2))[0],
		"alice first":  Keys(alice, prompt(1, 1))[0],
		"second":       Keys(all, prompt(2, 1))[1],
		"second alone": all.Root().Next(prompt(2, 1)[PageTokens:]),
	} {
		require.Empty(t, seen[k], name)
		seen[k] = name
	}
	require.Len(t, Keys(all, make([]int32, 3*PageTokens-1)), 2)
}
