package grammar

import (
	"net/url"
	"strconv"
	"strings"
)

// visitRef returns the name of the rule for the target of a $ref. Each target is written once.
func (c *converter) visitRef(ref, pointer, name string) (string, error) {
	if c.direct[ref] {
		return "", schemaErrorf(pointer, "%q leads back to %s without an object or array between", "$ref", ref)
	}
	if rule, known := c.refs[ref]; known {
		return rule, nil
	}
	target, err := c.resolve(ref, pointer)
	if err != nil {
		return "", err
	}
	like := Root + "-" + ref[strings.LastIndexByte(ref, '/')+1:]
	if ref == "#" {
		like = Root + "-self"
	}
	rule := c.name(like)
	rules, refs := len(c.rules), len(c.refOrder)
	c.refs[ref], c.refOrder = rule, append(c.refOrder, ref)
	c.direct[ref] = true
	body, err := c.visit(target, ref, rule)
	delete(c.direct, ref)
	if err != nil {
		// Nothing that was written may name a rule that there will not be.
		for _, r := range c.refOrder[refs:] {
			delete(c.refs, r)
		}
		c.rules, c.refOrder = c.rules[:rules], c.refOrder[:refs]
		return "", err
	}
	c.add(rule, body)
	return rule, nil
}

// resolve finds the target of a $ref, which must be a JSON pointer into the document.
func (c *converter) resolve(ref, pointer string) (any, error) {
	path, local := strings.CutPrefix(ref, "#")
	path, err := url.PathUnescape(path)
	if !local || err != nil || path != "" && path[0] != '/' {
		return nil, schemaErrorf(pointer, "%q is %q, must be a JSON pointer into the document", "$ref", ref)
	}
	at := c.document
	if path == "" {
		return at, nil
	}
	for _, step := range strings.Split(path[1:], "/") {
		step = strings.NewReplacer("~1", "/", "~0", "~").Replace(step)
		found := false
		switch v := at.(type) {
		case *object:
			at, found = v.values[step]
		case []any:
			if i, err := strconv.Atoi(step); err == nil && i >= 0 && i < len(v) {
				at, found = v[i], true
			}
		}
		if !found {
			return nil, schemaErrorf(pointer, "%q is %q, which does not exist", "$ref", ref)
		}
	}
	return at, nil
}

// escapePointer makes a key a step of a JSON pointer.
func escapePointer(key string) string {
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(key)
}

func itoa(i int) string { return strconv.Itoa(i) }
