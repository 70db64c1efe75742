package codectest

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/kakeyad/kakeyad/core/plugin/codec"
)

// expect says what is wrong with err unless it is target.
func expect(err, target error, doing string) error {
	if errors.Is(err, target) {
		return nil
	}
	if err == nil {
		return fmt.Errorf("%s: no error, want %q", doing, target.Error())
	}
	return fmt.Errorf("%s: want %q, got: %w", doing, target.Error(), err)
}

// expectNaming wants the error's text to name a field too.
func expectNaming(err, target error, field string) error {
	if wrong := expect(err, target, field); wrong != nil {
		return wrong
	}
	if !strings.Contains(err.Error(), field) {
		return fmt.Errorf("%s: the error does not name it: %w", field, err)
	}
	return nil
}

// equal wants the same bytes in all vectors.
func equal(want, got []codec.Vectors) error {
	for i := range want {
		if bytes.Equal(want[i].Data, got[i].Data) {
			continue
		}
		at := 0
		for want[i].Data[at] == got[i].Data[at] {
			at++
		}
		return fmt.Errorf("vectors[%d] (layer %d, %v) differ from byte %d on", i, want[i].Layer, want[i].Part, at)
	}
	return nil
}
