package session

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
)

// PageTokens is how many tokens' KV a page is.
const PageTokens = 64

// maxName bounds the strings of an Identity, in bytes.
const maxName = 4096

// Identity says what a page is of, besides its tokens. Two pages are interchangeable when their
// identities are equal and all their tokens, from the first of the prompt on.
type Identity struct {
	Model string // the weights and whatever else changes their KV: a digest, or a name with size and time
	Codec string // the codec and its resolved parameters, and the layout that it packed
	Scope string // who may share it; "" is everybody
}

func (id Identity) validate() error {
	for _, s := range [...]string{id.Model, id.Codec, id.Scope} {
		if len(s) > maxName {
			return fmt.Errorf("%w: a name of %d bytes in the identity, at most %d", ErrInvalid, len(s), maxName)
		}
	}
	if id.Model == "" || id.Codec == "" {
		return fmt.Errorf("%w: an identity needs a model and a codec", ErrInvalid)
	}
	return nil
}

// Key names a page: a SHA-256 over the identity and all tokens from the first of the prompt to
// the last of the page. Whoever chooses the tokens cannot make two prompts share a key.
type Key [sha256.Size]byte

// String is the key in hexadecimal.
func (k Key) String() string { return hex.EncodeToString(k[:]) }

// What is hashed begins with one of these, so that no root is some other page's key.
const (
	tagRoot = 'R'
	tagPage = 'P'
)

// Root is the key before the first page.
func (id Identity) Root() Key {
	b := []byte{tagRoot}
	for _, s := range [...]string{id.Model, id.Codec, id.Scope} {
		b = binary.LittleEndian.AppendUint64(b, uint64(len(s)))
		b = append(b, s...)
	}
	return sha256.Sum256(b)
}

// Next is the key of the page of these tokens, PageTokens of them, that follows the page with this
// key.
func (k Key) Next(tokens []int32) Key {
	var b [1 + len(k) + 4*PageTokens]byte
	b[0] = tagPage
	copy(b[1:], k[:])
	for i, t := range tokens[:PageTokens] {
		binary.LittleEndian.PutUint32(b[1+len(k)+4*i:], uint32(t))
	}
	return sha256.Sum256(b[:])
}

// Keys returns the key of each whole page of a prompt.
func Keys(id Identity, tokens []int32) []Key {
	out := make([]Key, 0, len(tokens)/PageTokens)
	for k := id.Root(); len(tokens) >= PageTokens; tokens = tokens[PageTokens:] {
		k = k.Next(tokens)
		out = append(out, k)
	}
	return out
}
