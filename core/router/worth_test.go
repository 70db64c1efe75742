package router

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestWorthRestoring(t *testing.T) {
	var w worth
	assert.True(t, w.restoring(), "nothing is known")
	w.restored(4, 8*time.Millisecond)
	assert.True(t, w.restoring(), "how long computing takes is not known")
	w.computed(fewestComputed-1, time.Nanosecond)
	w.computed(640, 100*time.Millisecond)
	assert.True(t, w.restoring(), "2 ms a page against 10")
	w.restored(0, time.Hour)
	assert.True(t, w.restoring(), "what the backend had says nothing")

	for range 20 {
		w.restored(1, 30*time.Millisecond)
	}
	skipped := 0
	for !w.restoring() {
		skipped++
	}
	assert.Equal(t, retryRestore-1, skipped, "tried again now and then")
	for range 20 {
		w.restored(1, time.Millisecond)
	}
	assert.True(t, w.restoring(), "and again from then on")
}
