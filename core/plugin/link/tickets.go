package link

import (
	"crypto/rand"
	"crypto/subtle"
	"sync"
	"time"
)

// tickets are the secrets that have been given out and not been used.
type tickets struct {
	mu   sync.Mutex
	open []ticket
}

type ticket struct {
	secret [SecretSize]byte
	until  time.Time
}

// issue makes one.
func (t *tickets) issue() []byte {
	var secret [SecretSize]byte
	_, _ = rand.Read(secret[:]) // never fails
	t.mu.Lock()
	defer t.mu.Unlock()
	t.dropOld()
	t.open = append(t.open, ticket{secret, time.Now().Add(TicketLife)})
	return secret[:]
}

// redeem says whether a secret is good, and makes it good no more. The time that it takes tells
// nothing of the secrets that are open.
func (t *tickets) redeem(secret [SecretSize]byte) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.dropOld()
	found := -1
	for i := range t.open {
		found = subtle.ConstantTimeSelect(subtle.ConstantTimeCompare(t.open[i].secret[:], secret[:]), i, found)
	}
	if found < 0 {
		return false
	}
	t.open = append(t.open[:found], t.open[found+1:]...)
	return true
}

func (t *tickets) dropOld() {
	now, kept := time.Now(), t.open[:0]
	for _, o := range t.open {
		if now.Before(o.until) {
			kept = append(kept, o)
		}
	}
	t.open = kept
}
