package config

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// Bounds of a file. They are far above any configuration, and keep aliases of aliases from
// growing without end.
const (
	maxFileBytes = 1 << 20
	maxFileNodes = 100_000
	maxDepth     = 32
)

// place is a line and a column, from 1.
type place struct{ line, column int }

// document is a YAML file as values, and where its keys and values are written.
type document struct {
	values map[string]any
	keys   map[string]place // by joined key
	at     map[string]place // of values
}

// fileError is a mistake at a place of a file.
type fileError struct {
	place   place
	key     []string
	message string
}

func (e *fileError) Error() string { return e.message }

// parseYAML reads a file. Its errors are *fileError.
func parseYAML(data []byte) (*document, error) {
	doc := &document{values: map[string]any{}, keys: map[string]place{}, at: map[string]place{}}
	if len(data) > maxFileBytes {
		return nil, &fileError{message: fmt.Sprintf("the file has %d bytes; at most %d are read", len(data), maxFileBytes)}
	}
	file, err := parser.ParseBytes(data, 0)
	if err != nil {
		return nil, syntaxError(err)
	}
	r := &reader{doc: doc, anchors: map[string]ast.Node{}}
	var body ast.Node
	for _, d := range file.Docs {
		if d.Body == nil || d.Body.Type() == ast.NullType || d.Body.Type() == ast.CommentType {
			continue
		}
		if body != nil {
			return nil, r.fail(d.Body, nil, "a second document; a configuration is one")
		}
		body = d.Body
	}
	if body == nil {
		return doc, nil
	}
	v, err := r.value(body, nil)
	if err != nil {
		return nil, err
	}
	values, ok := v.(map[string]any)
	if !ok {
		return nil, r.fail(body, nil, "a configuration is a map of keys, such as \"listen: 127.0.0.1:8317\"")
	}
	doc.values = values
	return doc, nil
}

func syntaxError(err error) error {
	var told yaml.Error
	if !errors.As(err, &told) {
		return &fileError{message: err.Error()}
	}
	return &fileError{place: placeOf(told.GetToken()), message: told.GetMessage()}
}

// reader turns nodes into values and notes where they are.
type reader struct {
	doc     *document
	anchors map[string]ast.Node
	nodes   int
	depth   int
}

func (r *reader) fail(n ast.Node, key []string, format string, args ...any) error {
	return &fileError{place: start(n), key: key, message: fmt.Sprintf(format, args...)}
}

func (r *reader) value(n ast.Node, key []string) (any, error) {
	if r.nodes++; r.nodes > maxFileNodes {
		return nil, r.fail(n, nil, "more than %d values, those of aliases counted each time", maxFileNodes)
	}
	if r.depth++; r.depth > maxDepth {
		return nil, r.fail(n, nil, "nested more than %d deep", maxDepth)
	}
	defer func() { r.depth-- }()
	if _, noted := r.doc.at[joinKey(key)]; !noted {
		r.doc.at[joinKey(key)] = start(n)
	}
	switch n := n.(type) {
	case *ast.MappingNode:
		return r.mapping(n.Values, key)
	case *ast.MappingValueNode:
		return r.mapping([]*ast.MappingValueNode{n}, key)
	case *ast.SequenceNode:
		list := make([]any, 0, len(n.Values))
		for i, item := range n.Values {
			v, err := r.value(item, extend(key, strconv.Itoa(i)))
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		return list, nil
	case *ast.AnchorNode:
		v, err := r.value(n.Value, key)
		r.anchors[n.Name.GetToken().Value] = n.Value
		return v, err
	case *ast.AliasNode:
		target, err := r.target(n, key)
		if err != nil {
			return nil, err
		}
		return r.value(target, key)
	case *ast.StringNode:
		return n.Value, nil
	case *ast.LiteralNode:
		return n.Value.Value, nil
	case *ast.NullNode:
		return nil, nil
	case *ast.BoolNode:
		return n.Value, nil
	case *ast.FloatNode:
		return n.Value, nil
	case *ast.IntegerNode:
		return number(n.Value), nil
	case *ast.InfinityNode, *ast.NanNode:
		return nil, r.fail(n, key, "%s is no number that can be used here", n.GetToken().Value)
	case *ast.TagNode:
		return nil, r.fail(n, key, "tags such as %s are not understood; leave it out", n.Start.Value)
	}
	return nil, r.fail(n, key, "%s is not understood here", strings.ToLower(n.Type().YAMLName()))
}

func (r *reader) target(n *ast.AliasNode, key []string) (ast.Node, error) {
	name := n.Value.GetToken().Value
	target := r.anchors[name]
	if target == nil {
		return nil, r.fail(n, key, "there is no anchor &%s above", name)
	}
	return target, nil
}

// mapping reads the entries of a map. Those of merge keys (<<) come last, and only where the map
// has no entry of its own.
func (r *reader) mapping(entries []*ast.MappingValueNode, key []string) (map[string]any, error) {
	out := make(map[string]any, len(entries))
	var merged []ast.Node
	for _, e := range entries {
		if _, ok := e.Key.(*ast.MergeKeyNode); ok {
			merged = append(merged, e.Value)
			continue
		}
		if _, ok := e.Key.(*ast.MappingKeyNode); ok {
			return nil, r.fail(e.Key, key, "a key is written without \"?\"")
		}
		name := e.Key.GetToken().Value
		at := extend(key, name)
		if _, twice := out[name]; twice {
			return nil, r.fail(e.Key, at, "this key is written twice")
		}
		if _, noted := r.doc.keys[joinKey(at)]; !noted {
			r.doc.keys[joinKey(at)] = placeOf(e.Key.GetToken())
		}
		v, err := r.value(e.Value, at)
		if err != nil {
			return nil, err
		}
		out[name] = v
	}
	for _, m := range merged {
		if err := r.merge(m, key, out); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (r *reader) merge(n ast.Node, key []string, into map[string]any) error {
	if list, ok := n.(*ast.SequenceNode); ok {
		for _, item := range list.Values {
			if err := r.merge(item, key, into); err != nil {
				return err
			}
		}
		return nil
	}
	v, err := r.value(n, key)
	if err != nil {
		return err
	}
	from, ok := v.(map[string]any)
	if !ok {
		return r.fail(n, key, "<< takes a map, or a list of maps")
	}
	for k, v := range from {
		if _, has := into[k]; !has {
			into[k] = v
		}
	}
	return nil
}

// number is an integer as int64 where it fits.
func number(v any) any {
	if u, ok := v.(uint64); ok && u <= 1<<63-1 {
		return int64(u)
	}
	return v
}

// start is where a node begins: a block map at its first key.
func start(n ast.Node) place {
	switch n := n.(type) {
	case *ast.MappingNode:
		if !n.IsFlowStyle && len(n.Values) > 0 {
			return start(n.Values[0])
		}
	case *ast.MappingValueNode:
		return placeOf(n.Key.GetToken())
	}
	return placeOf(n.GetToken())
}

func placeOf(t *token.Token) place {
	if t == nil || t.Position == nil {
		return place{}
	}
	return place{t.Position.Line, t.Position.Column}
}

func extend(key []string, name string) []string { return append(key[:len(key):len(key)], name) }

func joinKey(key []string) string { return strings.Join(key, "\x00") }
