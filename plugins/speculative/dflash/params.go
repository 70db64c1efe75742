package dflash

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/core/plugin/drafter"
)

// params are the settings of a channel.
type params struct {
	model     string  // "": built in
	window    int     // latest features that are attended
	threshold float64 // least chance of a proposed token, with all before it
}

// Bounds and defaults of params.
const (
	defaultWindow    = 512
	maxWindow        = 1 << 16
	defaultThreshold = 0.0
)

func parse(p drafter.Params) (params, error) {
	out := params{window: defaultWindow, threshold: defaultThreshold}
	for key, value := range p {
		var err error
		switch key {
		case "model":
			if out.model = value; value != "" && !filepath.IsAbs(value) {
				err = fmt.Errorf("%w: %q is not an absolute path", base.ErrInvalid, value)
			}
		case "window":
			if out.window, err = strconv.Atoi(value); err != nil || out.window < 16 || out.window > maxWindow {
				err = fmt.Errorf("%w: %q is not a number from 16 to %d", base.ErrInvalid, value, maxWindow)
			}
		case "threshold":
			if out.threshold, err = strconv.ParseFloat(value, 64); err != nil || !(out.threshold >= 0 && out.threshold < 1) {
				err = fmt.Errorf("%w: %q is not a number from 0 to below 1", base.ErrInvalid, value)
			}
		default:
			known := []string{"model", "threshold", "window"}
			err = fmt.Errorf("%w: unknown, there are %v", base.ErrInvalid, slices.Clip(known))
		}
		if err != nil {
			return params{}, fmt.Errorf("params.%s: %w", key, err)
		}
	}
	return out, nil
}
