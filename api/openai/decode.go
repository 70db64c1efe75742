package openai

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
)

// decoder reads one request. The first error stays.
type decoder struct{ err *Error }

func (d *decoder) fail(e *Error) {
	if d.err == nil {
		d.err = e
	}
}

// object is a JSON object at a path of the request.
type object struct {
	d      *decoder
	path   string // "" for the request itself
	fields map[string]json.RawMessage
}

// body reads the request itself.
func (d *decoder) body(data []byte) object {
	o := object{d: d}
	err := json.Unmarshal(data, &o.fields)
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		d.fail(&Error{Status: 400, Type: TypeInvalid, Code: "invalid_json", Message: fmt.Sprintf("the body is not JSON: %v, at byte %d", err, syntax.Offset)})
	case errors.As(err, &kind), err == nil && o.fields == nil:
		d.fail(&Error{Status: 400, Type: TypeInvalid, Code: "invalid_json", Message: "the body must be a JSON object, got " + kindOf(bytes.TrimSpace(data))})
	case err != nil:
		d.fail(&Error{Status: 400, Type: TypeInvalid, Code: "invalid_json", Message: "the body is not JSON: " + err.Error()})
	}
	return o
}

// object reads a value as an object.
func (d *decoder) object(path string, raw json.RawMessage) object {
	o := object{d: d, path: path}
	if kindOf(raw) != "an object" {
		d.fail(invalid(path, "expected an object, got %s", kindOf(raw)))
		return o
	}
	if err := json.Unmarshal(raw, &o.fields); err != nil {
		d.fail(invalid(path, "%v", err))
	}
	return o
}

// text reads a value as a string.
func (d *decoder) text(path string, raw json.RawMessage) string {
	var s string
	if kindOf(raw) != "a string" {
		d.fail(invalid(path, "expected a string, got %s", kindOf(raw)))
	} else if err := json.Unmarshal(raw, &s); err != nil {
		d.fail(invalid(path, "%v", err))
	}
	return s
}

// number reads a value as a number within a range.
func (d *decoder) number(path string, raw json.RawMessage, least, most float64) float64 {
	if kindOf(raw) != "a number" {
		d.fail(invalid(path, "expected a number, got %s", kindOf(raw)))
		return 0
	}
	f, err := strconv.ParseFloat(string(raw), 64)
	if err != nil || f < least || f > most {
		d.fail(invalid(path, "expected a number from %v to %v, got %.32s", least, most, raw))
		return 0
	}
	return f
}

// integer reads a value as a whole number within a range. 3.0 is whole.
func (d *decoder) integer(path string, raw json.RawMessage, least, most int) int {
	if kindOf(raw) != "a number" {
		d.fail(invalid(path, "expected an integer, got %s", kindOf(raw)))
		return 0
	}
	n, err := strconv.Atoi(string(raw))
	if err != nil {
		f, ferr := strconv.ParseFloat(string(raw), 64)
		n = int(f)
		if ferr != nil || float64(n) != f {
			d.fail(invalid(path, "expected an integer, got %.32s", raw))
			return 0
		}
	}
	if n < least || n > most {
		d.fail(invalid(path, "expected an integer from %d to %d, got %d", least, most, n))
		return 0
	}
	return n
}

// items reads a value as an array.
func (d *decoder) items(path string, raw json.RawMessage) []json.RawMessage {
	var list []json.RawMessage
	if kindOf(raw) != "an array" {
		d.fail(invalid(path, "expected an array, got %s", kindOf(raw)))
	} else if err := json.Unmarshal(raw, &list); err != nil {
		d.fail(invalid(path, "%v", err))
	}
	return list
}

// at is the path of a key.
func (o object) at(key string) string {
	if o.path == "" {
		return key
	}
	return o.path + "." + key
}

// get returns a field, unless it is absent or null.
func (o object) get(key string) (json.RawMessage, bool) {
	raw, ok := o.fields[key]
	return raw, ok && string(raw) != "null"
}

func (o object) missing(key string) {
	e := invalid(o.at(key), "is required")
	e.Code = "missing_required_parameter"
	o.d.fail(e)
}

func (o object) text(key string) (string, bool) {
	raw, ok := o.get(key)
	if !ok {
		return "", false
	}
	return o.d.text(o.at(key), raw), true
}

func (o object) requiredText(key string) string {
	s, ok := o.text(key)
	if !ok || s == "" && o.d.err == nil {
		o.missing(key)
	}
	return s
}

func (o object) flag(key string) *bool {
	raw, ok := o.get(key)
	if !ok {
		return nil
	}
	value := string(raw) == "true"
	if !value && string(raw) != "false" {
		o.d.fail(invalid(o.at(key), "expected true or false, got %s", kindOf(raw)))
	}
	return &value
}

func (o object) number(key string, least, most float64) *float32 {
	raw, ok := o.get(key)
	if !ok {
		return nil
	}
	f := float32(o.d.number(o.at(key), raw, least, most))
	return &f
}

func (o object) integer(key string, least, most int) *int {
	raw, ok := o.get(key)
	if !ok {
		return nil
	}
	n := o.d.integer(o.at(key), raw, least, most)
	return &n
}

// kindOf names the kind of a JSON value.
func kindOf(raw []byte) string {
	if len(raw) == 0 {
		return "nothing"
	}
	switch raw[0] {
	case '{':
		return "an object"
	case '[':
		return "an array"
	case '"':
		return "a string"
	case 't', 'f':
		return "a boolean"
	case 'n':
		return "null"
	}
	return "a number"
}

func index(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }
