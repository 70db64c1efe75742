package e8k

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/kakeyad/kakeyad/core/plugin/base"
	contract "github.com/kakeyad/kakeyad/core/plugin/codec"
	"github.com/kakeyad/kakeyad/plugins/e8codec/calibrated"
)

// The keys of the parameters.
const (
	keyCalibration = "calibration"
	keyQ           = "q"
	keyForm        = "form"
	keyGuard       = "guard"
)

type options struct {
	model       string
	calibration string
	q           int
	form        calibrated.How
	bold        bool // no guard
}

// parseParams reads parameters. An error is an ErrInvalid that names the key.
func parseParams(params contract.Params) (o options, err error) {
	o.form = calibrated.Page
	for _, key := range slices.Sorted(maps.Keys(params)) {
		switch value := params[key]; key {
		case contract.ParamModel:
			o.model = value
		case keyCalibration:
			o.calibration = value
		case keyQ:
			if o.q, err = strconv.Atoi(value); err != nil {
				return o, fmt.Errorf("%s: %w: %q is no number", key, base.ErrInvalid, value)
			}
		case keyForm:
			if o.form, err = calibrated.ParseHow(value); err != nil {
				return o, fmt.Errorf("%s: %w", key, err)
			}
		case keyGuard:
			if value != "on" && value != "off" {
				return o, fmt.Errorf("%s: %w: %q is neither on nor off", key, base.ErrInvalid, value)
			}
			o.bold = value == "off"
		default:
			return o, fmt.Errorf("%s: %w: unknown parameter", key, base.ErrInvalid)
		}
	}
	if o.calibration == "" && o.model == "" {
		return o, fmt.Errorf("%s: %w: neither the model nor its calibration is said; codec.params.calibration of the channel names one", keyCalibration, base.ErrInvalid)
	}
	return o, nil
}
