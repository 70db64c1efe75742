package pool

// resident is what the plan needs to know of an entry that holds bytes.
type resident struct {
	key     string
	bytes   int64
	fixed   bool // cannot be chosen: pinned or loading
	leaving bool // its bytes will be free without the plan's doing
	busy    bool // leased: can only be drained
}

// demand is a load that waits for room.
type demand struct {
	key    string
	bytes  int64
	pinned int64 // bytes that others have pinned, which it can never have
	spare  bool  // nothing makes room for it, and it does not wait
}

// plan is what is to be done now.
type plan struct {
	refuse []string // demands that can never be met, or are spare and cannot be met now
	start  []string // demands for which there is room
	unload []string // idle residents that must go
	drain  []string // leased residents that must give no new leases
}

// makePlan decides who gets room and who gives it. Residents come in the order in which they
// should go, demands in the order in which they came.
//
// Idle residents go before leased ones are drained, and nothing goes that a demand can do
// without. A demand that has to wait keeps the room that is on its way to it: a later one
// starts first only if there is enough for both.
func makePlan(budget int64, residents []resident, demands []demand) plan {
	var (
		out           plan
		free          = budget // now
		coming        int64    // will be free when what leaves has left
		idles, leased []resident
	)
	for _, r := range residents {
		free -= r.bytes
		switch {
		case r.leaving:
			coming += r.bytes
		case r.fixed || r.bytes == 0:
		case r.busy:
			leased = append(leased, r)
		default:
			idles = append(idles, r)
		}
	}
	// give frees what is needed, as far as it can be.
	give := func(need int64) {
		var chosen []resident
		chosen, idles = choose(idles, need)
		for _, r := range chosen {
			out.unload = append(out.unload, r.key)
			coming += r.bytes
			need -= r.bytes
		}
		chosen, leased = choose(leased, need)
		for _, r := range chosen {
			out.drain = append(out.drain, r.key)
			coming += r.bytes
		}
	}

	give(-(free + coming)) // loads that turned out larger than their estimates
	var promised int64     // to demands that wait
	for _, d := range demands {
		if d.bytes > budget-d.pinned {
			out.refuse = append(out.refuse, d.key)
			continue
		}
		if d.bytes <= free && d.bytes <= free+coming-promised {
			out.start = append(out.start, d.key)
			free -= d.bytes
			continue
		}
		if d.spare {
			out.refuse = append(out.refuse, d.key)
			continue
		}
		give(d.bytes - (free + coming - promised))
		promised += d.bytes
	}
	return out
}

// choose picks from the front as many as hold the bytes needed, then spares those that turned
// out not to be, the last ones first. If all together do not hold enough it picks all.
func choose(from []resident, need int64) (chosen, rest []resident) {
	n := 0
	for n < len(from) && need > 0 {
		need -= from[n].bytes
		n++
	}
	spare := -need
	spared := make([]bool, n)
	for i := n - 1; i >= 0; i-- {
		if from[i].bytes <= spare {
			spare -= from[i].bytes
			spared[i] = true
		}
	}
	for i, r := range from {
		if i < n && !spared[i] {
			chosen = append(chosen, r)
		} else {
			rest = append(rest, r)
		}
	}
	return chosen, rest
}
