package entropy

import "github.com/kakeyad/kakeyad/plugins/e8codec/lattice"

// energyPortable is the sum of squares of a tile's codes, and their largest magnitude.
func energyPortable(z *[lattice.Tile]int16) (sum uint64, peak int) {
	for _, v := range z {
		c := int64(v)
		sum += uint64(c * c)
		peak = max(peak, int(c), -int(c))
	}
	return sum, peak
}

// shuffles are orders of eight lanes for each set of them.
type shuffles [256]uint64

// spreadLanes gives the lanes of a set the first numbers, one after another.
var spreadLanes = func() (s shuffles) {
	for set := range s {
		next := uint64(0)
		for lane := range lanesOfTile {
			if set>>lane&1 != 0 {
				s[set] |= next << (8 * lane)
				next++
			}
		}
	}
	return s
}()

// gatherLanes puts the lanes of a set last, one after another.
var gatherLanes = func() (s shuffles) {
	for set := range s {
		at := lanesOfTile
		for lane := lanesOfTile - 1; lane >= 0; lane-- {
			if set>>lane&1 != 0 {
				at--
				s[set] |= uint64(lane) << (8 * at)
			}
		}
	}
	return s
}()
