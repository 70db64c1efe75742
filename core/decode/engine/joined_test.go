package engine

import (
	"reflect"
	"testing"

	"github.com/kakeyad/kakeyad/core/plugin/drafter"
)

func TestJoined(t *testing.T) {
	rows := func(pos int, data ...float32) drafter.Features {
		return drafter.Features{Pos: pos, Rows: len(data), Data: data}
	}
	for name, c := range map[string]struct{ a, b, want drafter.Features }{
		"nothing yet":   {drafter.Features{}, rows(3, 1, 2), rows(3, 1, 2)},
		"nothing new":   {rows(3, 1, 2), drafter.Features{}, rows(3, 1, 2)},
		"what follows":  {rows(3, 1, 2), rows(5, 3), rows(3, 1, 2, 3)},
		"after a gap":   {rows(3, 1, 2), rows(6, 3), rows(6, 3)},
		"first of text": {drafter.Features{}, rows(0, 9), rows(0, 9)},
	} {
		if got := joined(c.a, c.b); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
