package session

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"slices"
)

// The bytes of a page and of its entry in the index, as they lie on disk, little-endian:
//
//	page:  "KYPG" version  meta  tokens [PageTokens]int32        data (length u32, bytes)  crc u32
//	entry: "KYPI" version  meta  key [32]  used i64  size u32                              crc u32
//	meta:  position u32  created i64  nominal i64  parent [32]  model, codec, scope (length u16, bytes)
//
// crc is CRC-32C of all bytes before it. Times are Unix nanoseconds.
const (
	magicPage     = "KYPG"
	magicEntry    = "KYPI"
	recordVersion = 1
	maxData       = 1 << 30
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// meta is what a page's record and its entry both say.
type meta struct {
	identity Identity
	parent   Key
	position uint32 // of the first token in the prompt
	created  int64
	nominal  int64 // bytes before packing
}

// entry is what the index says of a page.
type entry struct {
	meta
	key  Key
	used int64
	size uint32 // bytes of data
}

// record is a page as it is stored.
type record struct {
	meta
	tokens [PageTokens]int32
	data   []byte
}

// key derives the page's key from what the record says.
func (r *record) key() Key { return r.parent.Next(r.tokens[:]) }

// append adds the record's bytes to b.
func (r *record) append(b []byte) []byte {
	b = slices.Grow(b, recordOverhead+3*maxName+len(r.data))
	start := len(b)
	b = append(b, magicPage...)
	b = append(b, recordVersion)
	b = r.meta.append(b)
	for _, t := range r.tokens {
		b = binary.LittleEndian.AppendUint32(b, uint32(t))
	}
	b = binary.LittleEndian.AppendUint32(b, uint32(len(r.data)))
	b = append(b, r.data...)
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b[start:], castagnoli))
}

func (e *entry) append(b []byte) []byte {
	start := len(b)
	b = append(b, magicEntry...)
	b = append(b, recordVersion)
	b = e.meta.append(b)
	b = append(b, e.key[:]...)
	b = binary.LittleEndian.AppendUint64(b, uint64(e.used))
	b = binary.LittleEndian.AppendUint32(b, e.size)
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b[start:], castagnoli))
}

func (m *meta) append(b []byte) []byte {
	b = binary.LittleEndian.AppendUint32(b, m.position)
	b = binary.LittleEndian.AppendUint64(b, uint64(m.created))
	b = binary.LittleEndian.AppendUint64(b, uint64(m.nominal))
	b = append(b, m.parent[:]...)
	for _, s := range [...]string{m.identity.Model, m.identity.Codec, m.identity.Scope} {
		b = binary.LittleEndian.AppendUint16(b, uint16(len(s)))
		b = append(b, s...)
	}
	return b
}

// parseRecord reads a page's record. Its data is a part of b.
func parseRecord(b []byte) (record, error) {
	var r record
	p, err := open(b, magicPage)
	if err != nil {
		return r, err
	}
	r.meta = p.meta()
	for i := range r.tokens {
		r.tokens[i] = int32(p.u32())
	}
	r.data = p.take(int64(p.u32()))
	return r, p.end()
}

// parseEntry reads an entry of the index.
func parseEntry(b []byte) (entry, error) {
	var e entry
	p, err := open(b, magicEntry)
	if err != nil {
		return e, err
	}
	e.meta = p.meta()
	copy(e.key[:], p.take(int64(len(e.key))))
	e.used = int64(p.u64())
	e.size = p.u32()
	return e, p.end()
}

// parser reads fields off the front of b. Once bytes are missing it reads zeros, and end says so.
type parser struct {
	b     []byte
	short bool
}

// open checks what goes round a record: its magic, version and checksum.
func open(b []byte, magic string) (*parser, error) {
	n := len(b) - crc32.Size
	switch {
	case n < len(magic)+1:
		return nil, fmt.Errorf("%w: %d bytes", ErrDamaged, len(b))
	case string(b[:len(magic)]) != magic:
		return nil, fmt.Errorf("%w: not a record", ErrDamaged)
	case b[len(magic)] != recordVersion:
		return nil, fmt.Errorf("%w: a record of version %d, not %d", ErrDamaged, b[len(magic)], recordVersion)
	case crc32.Checksum(b[:n], castagnoli) != binary.LittleEndian.Uint32(b[n:]):
		return nil, fmt.Errorf("%w: checksum", ErrDamaged)
	}
	return &parser{b: b[len(magic)+1 : n]}, nil
}

func (p *parser) take(n int64) []byte {
	if n > int64(len(p.b)) {
		p.short = true
		return nil
	}
	out := p.b[:n:n]
	p.b = p.b[n:]
	return out
}

func (p *parser) number(n int64) uint64 {
	var b [8]byte
	copy(b[:], p.take(n))
	return binary.LittleEndian.Uint64(b[:])
}

func (p *parser) u16() uint16 { return uint16(p.number(2)) }
func (p *parser) u32() uint32 { return uint32(p.number(4)) }
func (p *parser) u64() uint64 { return p.number(8) }

func (p *parser) meta() meta {
	var m meta
	m.position = p.u32()
	m.created = int64(p.u64())
	m.nominal = int64(p.u64())
	copy(m.parent[:], p.take(int64(len(m.parent))))
	for _, s := range [...]*string{&m.identity.Model, &m.identity.Codec, &m.identity.Scope} {
		*s = string(p.take(int64(p.u16())))
	}
	return m
}

// end says whether the record was exactly as long as its fields.
func (p *parser) end() error {
	if p.short || len(p.b) > 0 {
		return fmt.Errorf("%w: fields and length disagree", ErrDamaged)
	}
	return nil
}
