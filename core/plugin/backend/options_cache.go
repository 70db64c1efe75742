package backend

import "time"

// How a bound codec is used.
const (
	// CacheParked packs pages when a session is parked; attention reads the backend's own cache.
	CacheParked = "parked"
	// CacheLive passes every key and value through the codec before attention reads it. Pages are
	// then stored as the cache has them.
	CacheLive = "live"
	// CacheResident keeps keys and values packed in the cache, and attention reads them so. Pages are then stored as the
	// cache has them. A backend that can, but not with this codec, does CacheParked and says so in its log and in
	// ModelInfo.Options; one that cannot refuses.
	CacheResident = "resident"
)

// DefaultParkAfter is when an idle session is parked where a codec is bound for that.
const DefaultParkAfter = 30 * time.Second

// DefaultSinks is how many first tokens a codec leaves alone.
const DefaultSinks = 1

// CacheOptions say what happens to the KV cache besides being read. Layers within the codec's
// boundary (see Link.Params) are never touched by the codec.
type CacheOptions struct {
	Mode      string        // of the bound codec: CacheParked, CacheLive or CacheResident; "": CacheParked
	ParkAfter time.Duration // a session idle so long is parked; 0: DefaultParkAfter with a codec in CacheParked, else never
	Sinks     int           // first tokens of a sequence that the codec leaves exact; 0: DefaultSinks, -1: none
	Recent    int           // CacheLive: newest tokens of a sequence that stay exact until they age
}

// Resolve replaces what stands for a default, given whether a codec is bound; without one Mode
// is "". What contradicts itself is an ErrInvalid that names the option.
func (c CacheOptions) Resolve(codec bool) (CacheOptions, error) {
	switch {
	case c.Mode != "" && c.Mode != CacheParked && c.Mode != CacheLive && c.Mode != CacheResident:
		return c, invalid("cache.mode", "%q is not %s, %s or %s", c.Mode, CacheParked, CacheLive, CacheResident)
	case (c.Mode == CacheLive || c.Mode == CacheResident) && !codec:
		return c, invalid("cache.mode", "%s needs a codec", c.Mode)
	case c.ParkAfter < 0:
		return c, invalid("cache.park_after", "%v is below 0", c.ParkAfter)
	case c.Sinks < -1:
		return c, invalid("cache.sinks", "%d is below -1", c.Sinks)
	case c.Recent < 0:
		return c, invalid("cache.recent", "%d is below 0", c.Recent)
	case c.Recent > 0 && c.Mode != CacheLive:
		return c, invalid("cache.recent", "it means something in mode %s alone", CacheLive)
	}
	switch {
	case !codec:
		c.Mode = ""
	case c.Mode == "" || c.Mode == CacheParked:
		c.Mode = CacheParked
		c.ParkAfter = or(c.ParkAfter, DefaultParkAfter)
	}
	c.Sinks = or(c.Sinks, DefaultSinks)
	return c, nil
}
