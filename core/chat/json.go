package chat

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/nikolalohinski/gonja/v2/exec"
)

// maxDepth bounds how deeply JSON that templates read or write may nest.
const maxDepth = 128

var errDepth = fmt.Errorf("nested deeper than %d levels", maxDepth)

// fromJSON parses one JSON value into a template's value. Objects keep the order of their keys.
func fromJSON(data []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	v, err := readValue(d, 0)
	if err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("more than one JSON value")
	}
	return v, nil
}

func readValue(d *json.Decoder, depth int) (any, error) {
	if depth > maxDepth {
		return nil, errDepth
	}
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch t := token.(type) {
	case json.Delim:
		if t == '{' {
			return readObject(d, depth)
		}
		return readArray(d, depth)
	case json.Number:
		if n, err := strconv.Atoi(t.String()); err == nil {
			return n, nil
		}
		return t.Float64()
	default:
		return t, nil
	}
}

func readObject(d *json.Decoder, depth int) (any, error) {
	object := exec.NewDict()
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, err
		}
		value, err := readValue(d, depth+1)
		if err != nil {
			return nil, err
		}
		object.Pairs = append(object.Pairs, &exec.Pair{Key: exec.AsValue(key), Value: exec.AsValue(value)})
	}
	_, err := d.Token()
	return object, err
}

func readArray(d *json.Decoder, depth int) (any, error) {
	array := list{}
	for d.More() {
		value, err := readValue(d, depth+1)
		if err != nil {
			return nil, err
		}
		array = append(array, value)
	}
	_, err := d.Token()
	return array, err
}

// jsonStyle says how JSON is laid out. The zero value with its separators set writes one line.
type jsonStyle struct {
	indent    string // of one level; "": all on one line
	item, key string // separators: ", " and ": "
	ascii     bool   // escape what is not ASCII
	sortKeys  bool
}

// appendJSON writes a template's value as Python's json.dumps does.
func appendJSON(b []byte, v *exec.Value, style jsonStyle, depth int) ([]byte, error) {
	if depth > maxDepth {
		return nil, errDepth
	}
	switch {
	case v.IsNil():
		return append(b, "null"...), nil
	case v.IsError():
		return nil, v
	case v.IsBool():
		return strconv.AppendBool(b, v.Bool()), nil
	case v.IsInteger():
		return strconv.AppendInt(b, int64(v.Integer()), 10), nil
	case v.IsFloat():
		return append(b, exec.AsValue(v.Float()).String()...), nil
	case v.IsString():
		return appendString(b, v.String(), style.ascii), nil
	case v.IsDict():
		return appendObject(b, v, style, depth)
	case v.IsList():
		return appendArray(b, v, style, depth)
	}
	return nil, fmt.Errorf("a value of type %T has no JSON form", v.Interface())
}

func appendObject(b []byte, v *exec.Value, style jsonStyle, depth int) ([]byte, error) {
	var err error
	n := 0
	b = append(b, '{')
	v.IterateOrder(func(_, _ int, key, value *exec.Value) bool {
		b = style.separate(b, n, depth+1)
		b = appendString(b, key.String(), style.ascii)
		b = append(b, style.key...)
		b, err = appendJSON(b, value, style, depth+1)
		n++
		return err == nil
	}, func() {}, false, style.sortKeys, true)
	if err != nil {
		return nil, err
	}
	return append(style.close(b, n, depth), '}'), nil
}

func appendArray(b []byte, v *exec.Value, style jsonStyle, depth int) ([]byte, error) {
	var err error
	n := 0
	b = append(b, '[')
	v.Iterate(func(_, _ int, item, _ *exec.Value) bool {
		b = style.separate(b, n, depth+1)
		b, err = appendJSON(b, item, style, depth+1)
		n++
		return err == nil
	}, func() {})
	if err != nil {
		return nil, err
	}
	return append(style.close(b, n, depth), ']'), nil
}

// separate begins the n-th entry of an array or object.
func (s jsonStyle) separate(b []byte, n, depth int) []byte {
	if n > 0 {
		b = append(b, s.item...)
	}
	return s.line(b, depth)
}

// close ends an array or object of n entries.
func (s jsonStyle) close(b []byte, n, depth int) []byte {
	if n == 0 {
		return b
	}
	return s.line(b, depth)
}

func (s jsonStyle) line(b []byte, depth int) []byte {
	if s.indent == "" {
		return b
	}
	return append(append(b, '\n'), strings.Repeat(s.indent, depth)...)
}

// appendString writes a JSON string. Unlike encoding/json it leaves <, > and & alone.
func appendString(b []byte, s string, ascii bool) []byte {
	b = append(b, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case r == '\n':
			b = append(b, `\n`...)
		case r == '\r':
			b = append(b, `\r`...)
		case r == '\t':
			b = append(b, `\t`...)
		case r == '\b':
			b = append(b, `\b`...)
		case r == '\f':
			b = append(b, `\f`...)
		case r < 0x20:
			b = fmt.Appendf(b, `\u%04x`, r)
		case r < utf8.RuneSelf || !ascii:
			b = utf8.AppendRune(b, r)
		case r > 0xffff:
			r -= 0x10000
			b = fmt.Appendf(b, `\u%04x\u%04x`, 0xd800+(r>>10), 0xdc00+(r&0x3ff))
		default:
			b = fmt.Appendf(b, `\u%04x`, r)
		}
	}
	return append(b, '"')
}
