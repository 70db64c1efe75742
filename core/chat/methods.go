package chat

import (
	"errors"
	"fmt"
	"strings"

	"github.com/nikolalohinski/gonja/v2/builtins"
	"github.com/nikolalohinski/gonja/v2/exec"
)

// methods of strings and mappings that the engine has otherwise than Python, or answers with
// slices that do not index from the end.
var (
	stringMethods = []string{
		"capitalize", "casefold", "center", "endswith", "find", "format", "isalnum", "isalpha",
		"isascii", "isdecimal", "isdigit", "islower", "isnumeric", "isspace", "istitle", "isupper",
		"join", "ljust", "lower", "removeprefix", "removesuffix", "rfind", "rjust",
		"startswith", "swapcase", "title", "upper", "zfill",
	}
	mappingMethods = []string{"copy", "update", "setdefault", "pop"}
)

// ourMethods returns the methods of values in a template.
func ourMethods() exec.Methods {
	text := map[string]exec.Method[string]{
		"split":      split,
		"rsplit":     rsplit,
		"splitlines": splitLines,
		"partition":  partition,
		"rpartition": rpartition,
		"count":      count,
		"replace":    replace,
		"index":      index,
		"strip":      trimmer(strings.Trim),
		"lstrip":     trimmer(strings.TrimLeft),
		"rstrip":     trimmer(strings.TrimRight),
	}
	for _, name := range stringMethods {
		if m, ok := builtins.Methods.Str.Get(name); ok {
			text[name] = m
		}
	}
	mapping := map[string]exec.Method[map[string]any]{
		"items":  items,
		"keys":   keys,
		"values": mappingValues,
		"get":    get,
	}
	for _, name := range mappingMethods {
		if m, ok := builtins.Methods.Dict.Get(name); ok {
			mapping[name] = m
		}
	}
	return exec.Methods{
		Bool:  builtins.Methods.Bool,
		Int:   builtins.Methods.Int,
		Float: builtins.Methods.Float,
		Str:   exec.NewMethodSet(text),
		Dict:  exec.NewMethodSet(mapping),
		List:  exec.NewMethodSet(map[string]exec.Method[[]any]{"append": appendItem, "pop": popItem, "index": indexOf, "count": countOf}),
	}
}

// argument returns a positional or named argument, nil when it was not given or is none.
func argument(args *exec.VarArgs, position int, name string) *exec.Value {
	v, named := args.KwArgs[name]
	if position < len(args.Args) {
		v, named = args.Args[position], true
	}
	if !named || v.IsNil() {
		return nil
	}
	return v
}

func separatorAndLimit(args *exec.VarArgs) (sep *exec.Value, limit int, err error) {
	limit = -1
	if v := argument(args, 1, "maxsplit"); v != nil {
		limit = v.Integer()
	}
	sep = argument(args, 0, "sep")
	if sep != nil && sep.String() == "" {
		return nil, 0, errors.New("empty separator")
	}
	return sep, limit, nil
}

func split(self string, _ *exec.Value, args *exec.VarArgs) (any, error) {
	sep, limit, err := separatorAndLimit(args)
	if err != nil {
		return nil, err
	}
	if sep == nil {
		return textList(fields(self, limit)), nil
	}
	if limit >= 0 {
		limit++
	}
	return textList(strings.SplitN(self, sep.String(), limit)), nil
}

func rsplit(self string, _ *exec.Value, args *exec.VarArgs) (any, error) {
	sep, limit, err := separatorAndLimit(args)
	if err != nil {
		return nil, err
	}
	if sep == nil {
		if limit >= 0 {
			return nil, errors.New("rsplit without a separator takes no limit here")
		}
		return textList(strings.Fields(self)), nil
	}
	return textList(lastSplit(self, sep.String(), limit)), nil
}

func splitLines(self string, _ *exec.Value, args *exec.VarArgs) (any, error) {
	keep := argument(args, 0, "keepends")
	lines := strings.SplitAfter(strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(self), "\n")
	if lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	if keep == nil || !keep.IsTrue() {
		for i := range lines {
			lines[i] = strings.TrimSuffix(lines[i], "\n")
		}
	}
	return textList(lines), nil
}

func partition(self string, _ *exec.Value, args *exec.VarArgs) (any, error) {
	sep := argument(args, 0, "sep")
	if sep == nil || sep.String() == "" {
		return nil, errors.New("empty separator")
	}
	if before, after, found := strings.Cut(self, sep.String()); found {
		return list{before, sep.String(), after}, nil
	}
	return list{self, "", ""}, nil
}

func rpartition(self string, _ *exec.Value, args *exec.VarArgs) (any, error) {
	sep := argument(args, 0, "sep")
	if sep == nil || sep.String() == "" {
		return nil, errors.New("empty separator")
	}
	if i := strings.LastIndex(self, sep.String()); i >= 0 {
		return list{self[:i], sep.String(), self[i+len(sep.String()):]}, nil
	}
	return list{"", "", self}, nil
}

func count(self string, _ *exec.Value, args *exec.VarArgs) (any, error) {
	sub := argument(args, 0, "sub")
	if sub == nil {
		return nil, errors.New("count takes a string")
	}
	return strings.Count(self, sub.String()), nil
}

func replace(self string, _ *exec.Value, args *exec.VarArgs) (any, error) {
	if len(args.Args) < 2 {
		return nil, errors.New("replace takes two strings")
	}
	limit := -1
	if v := argument(args, 2, "count"); v != nil {
		limit = v.Integer()
	}
	return strings.Replace(self, args.Args[0].String(), args.Args[1].String(), limit), nil
}

func index(self string, _ *exec.Value, args *exec.VarArgs) (any, error) {
	sub := argument(args, 0, "sub")
	if sub == nil {
		return nil, errors.New("index takes a string")
	}
	i := strings.Index(self, sub.String())
	if i < 0 {
		return nil, errors.New("substring not found")
	}
	return len([]rune(self[:i])), nil
}

func trimmer(trim func(s, cutset string) string) exec.Method[string] {
	return func(self string, _ *exec.Value, args *exec.VarArgs) (any, error) {
		cutset := whitespace
		if v := argument(args, 0, "chars"); v != nil {
			cutset = v.String()
		}
		return trim(self, cutset), nil
	}
}

// pairs lists a mapping's entries in its own order; a Go map's are sorted by key.
func pairs(v *exec.Value, visit func(key, value *exec.Value)) {
	v.IterateOrder(func(_, _ int, key, value *exec.Value) bool {
		visit(key, value)
		return true
	}, func() {}, false, false, true)
}

func items(_ map[string]any, self *exec.Value, _ *exec.VarArgs) (any, error) {
	out := list{}
	pairs(self, func(key, value *exec.Value) { out = append(out, list{key.Interface(), value}) })
	return out, nil
}

func keys(_ map[string]any, self *exec.Value, _ *exec.VarArgs) (any, error) {
	out := list{}
	pairs(self, func(key, _ *exec.Value) { out = append(out, key.Interface()) })
	return out, nil
}

func mappingValues(_ map[string]any, self *exec.Value, _ *exec.VarArgs) (any, error) {
	out := list{}
	pairs(self, func(_, value *exec.Value) { out = append(out, value) })
	return out, nil
}

func get(_ map[string]any, self *exec.Value, args *exec.VarArgs) (any, error) {
	key := argument(args, 0, "key")
	if key == nil {
		return nil, nil
	}
	if v, ok := self.GetItem(key.String()); ok {
		return v.Interface(), nil
	}
	if v := argument(args, 1, "default"); v != nil {
		return v.Interface(), nil
	}
	return nil, nil
}

// elements copies a list's items.
func elements(v *exec.Value) list {
	out := list{}
	v.Iterate(func(_, _ int, item, _ *exec.Value) bool {
		out = append(out, item)
		return true
	}, func() {})
	return out
}

// appendItem makes the list a longer one; the engine then stores it back under its name.
func appendItem(_ []any, self *exec.Value, args *exec.VarArgs) (any, error) {
	if len(args.Args) != 1 {
		return nil, errors.New("append takes one item")
	}
	*self = *exec.AsValue(append(elements(self), args.Args[0]))
	return nil, nil
}

func popItem(_ []any, self *exec.Value, args *exec.VarArgs) (any, error) {
	all := elements(self)
	i := len(all) - 1
	if v := argument(args, 0, "index"); v != nil {
		if i = v.Integer(); i < 0 {
			i += len(all)
		}
	}
	if i < 0 || i >= len(all) {
		return nil, errors.New("pop index out of range")
	}
	item := all[i]
	*self = *exec.AsValue(append(all[:i:i], all[i+1:]...))
	return item, nil
}

func indexOf(_ []any, self *exec.Value, args *exec.VarArgs) (any, error) {
	if len(args.Args) > 0 {
		for i, item := range elements(self) {
			if exec.ToValue(item).EqualValueTo(args.Args[0]) {
				return i, nil
			}
		}
	}
	return nil, fmt.Errorf("not in the list")
}

func countOf(_ []any, self *exec.Value, args *exec.VarArgs) (any, error) {
	n := 0
	for _, item := range elements(self) {
		if len(args.Args) > 0 && exec.ToValue(item).EqualValueTo(args.Args[0]) {
			n++
		}
	}
	return n, nil
}
