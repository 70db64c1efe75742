package chat

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/nikolalohinski/gonja/v2/exec"
)

// ourFilters are filters beside or instead of the engine's.
var ourFilters = map[string]exec.FilterFunction{
	"tojson":   toJSON,
	"trim":     trimFilter,
	"items":    itemsFilter,
	"list":     listFilter,
	"last":     lastFilter,
	"safe":     func(_ *exec.Evaluator, in *exec.Value, _ *exec.VarArgs) *exec.Value { return in },
	"string":   stringFilter,
	"length":   lengthFilter,
	"count":    lengthFilter,
	"dictsort": dictSort,
}

// toJSON writes JSON as the reference does for chat templates: Python's separators, keys in their
// own order, nothing escaped but what JSON must escape.
func toJSON(_ *exec.Evaluator, in *exec.Value, args *exec.VarArgs) *exec.Value {
	style := jsonStyle{item: ", ", key: ": "}
	if v := argument(args, 0, "ensure_ascii"); v != nil && v.IsBool() {
		style.ascii = v.IsTrue()
	}
	if v := argument(args, 0, "indent"); v != nil && !v.IsBool() {
		style.indent, style.item = strings.Repeat(" ", min(max(v.Integer(), 0), 16)), ","
		if v.IsString() {
			style.indent = v.String()
		}
	}
	if v := argument(args, 2, "separators"); v != nil && v.Len() == 2 {
		style.item, style.key = v.Index(0).String(), v.Index(1).String()
	}
	if v := argument(args, 3, "sort_keys"); v != nil {
		style.sortKeys = v.IsTrue()
	}
	b, err := appendJSON(nil, in, style, 0)
	if err != nil {
		return exec.AsValue(fmt.Errorf("tojson: %w", err))
	}
	return exec.AsSafeValue(string(b))
}

func trimFilter(_ *exec.Evaluator, in *exec.Value, args *exec.VarArgs) *exec.Value {
	if in.IsError() {
		return in
	}
	cutset := whitespace
	if v := argument(args, 0, "chars"); v != nil {
		cutset = v.String()
	}
	return exec.AsValue(strings.Trim(in.String(), cutset))
}

func itemsFilter(_ *exec.Evaluator, in *exec.Value, _ *exec.VarArgs) *exec.Value {
	switch {
	case in.IsNil():
		return exec.AsValue(list{})
	case !in.IsDict():
		return exec.AsValue(fmt.Errorf("items: not a mapping: %s", in.String()))
	}
	out, _ := items(nil, in, nil)
	return exec.AsValue(out)
}

func listFilter(_ *exec.Evaluator, in *exec.Value, _ *exec.VarArgs) *exec.Value {
	switch {
	case in.IsError():
		return in
	case in.IsString():
		out := list{}
		for _, r := range in.String() {
			out = append(out, string(r))
		}
		return exec.AsValue(out)
	}
	return exec.AsValue(elements(in))
}

func lastFilter(_ *exec.Evaluator, in *exec.Value, _ *exec.VarArgs) *exec.Value {
	if in.IsError() {
		return in
	}
	if in.IsString() {
		r, size := utf8.DecodeLastRuneInString(in.String())
		if size == 0 {
			return exec.AsValue(nil)
		}
		return exec.AsValue(string(r))
	}
	all := elements(in)
	if len(all) == 0 {
		return exec.AsValue(nil)
	}
	return exec.ToValue(all[len(all)-1])
}

func stringFilter(_ *exec.Evaluator, in *exec.Value, _ *exec.VarArgs) *exec.Value {
	if in.IsError() {
		return in
	}
	return exec.AsValue(in.String())
}

func lengthFilter(_ *exec.Evaluator, in *exec.Value, _ *exec.VarArgs) *exec.Value {
	if in.IsError() {
		return in
	}
	return exec.AsValue(in.Len())
}

// dictSort lists a mapping's entries by key, without regard to case.
func dictSort(_ *exec.Evaluator, in *exec.Value, _ *exec.VarArgs) *exec.Value {
	if !in.IsDict() {
		return exec.AsValue(fmt.Errorf("dictsort: not a mapping: %s", in.String()))
	}
	out := list{}
	pairs(in, func(key, value *exec.Value) { out = append(out, list{key.Interface(), value}) })
	slices.SortStableFunc(out, func(a, b any) int {
		return strings.Compare(strings.ToLower(fmt.Sprint(a.(list)[0])), strings.ToLower(fmt.Sprint(b.(list)[0])))
	})
	return exec.AsValue(out)
}
