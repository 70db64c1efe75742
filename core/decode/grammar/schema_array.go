package grammar

import (
	"fmt"
	"slices"
	"strings"
)

// visitArray is arrays.
func (c *converter) visitArray(s *object, pointer, name string) (string, error) {
	least, err := sizeOf(s, "minItems", 0, pointer)
	if err != nil {
		return "", err
	}
	most, err := sizeOf(s, "maxItems", -1, pointer)
	if err != nil {
		return "", err
	}
	heads, err := c.prefixItems(s, pointer, name)
	if err != nil {
		return "", err
	}
	item, err := c.items(s, pointer, name)
	if err != nil {
		return "", err
	}
	if item == "" && (most < 0 || most > len(heads)) {
		most = len(heads)
	}
	if most >= 0 {
		heads = heads[:min(most, len(heads))]
		if least > most {
			return "", neverf(pointer, "at least %d and at most %d items", least, most)
		}
	}
	ws := c.common("ws")
	if most == 0 {
		return `"[" ` + ws + ` "]"`, nil
	}

	// rest is what may follow the first i items.
	rest := ""
	if item != "" && (most < 0 || most > len(heads)) {
		rest = `( "," ` + ws + " " + item + " )" + repetition(least-max(len(heads), 1), most-max(len(heads), 1), most < 0)
		if len(heads) == 0 {
			heads = []string{item}
		}
	}
	for i, head := range slices.Backward(heads) {
		rest = strings.TrimSpace(head + " " + rest)
		if i == 0 {
			break
		}
		if rest = `"," ` + ws + " " + rest; i >= least {
			rest = "( " + c.define(name+"-rest", rest) + " )?"
		}
	}
	if least > 0 {
		return c.define(name, `"[" `+ws+" "+rest+" "+ws+` "]"`), nil
	}
	return c.define(name, `"[" `+ws+" ( "+rest+" "+ws+` )? "]"`), nil
}

// prefixItems returns the expressions of the first items, as many as can have a value.
func (c *converter) prefixItems(s *object, pointer, name string) ([]string, error) {
	if !s.has("prefixItems") {
		return nil, nil
	}
	list, err := schemaList(s, "prefixItems", pointer)
	if err != nil {
		return nil, err
	}
	var heads []string
	for i, schema := range list {
		head, err := c.visit(schema, pointer+"/prefixItems/"+itoa(i), name+"-"+itoa(i))
		if isNever(err) {
			s.set("items", false) // nothing can come here, nor behind it
			break
		}
		if err != nil {
			return nil, err
		}
		heads = append(heads, head)
	}
	return heads, nil
}

// items returns the expression of the items behind prefixItems, "" when there can be none.
func (c *converter) items(s *object, pointer, name string) (string, error) {
	schema := s.values["items"]
	if !s.has("items") {
		if s.has("prefixItems") {
			return "", nil
		}
		schema = true
	}
	item, err := c.visit(schema, pointer+"/items", name+"-item")
	if isNever(err) {
		return "", nil
	}
	return item, err
}

// repetition writes {least,most}; unlimited says that there is no most.
func repetition(least, most int, unlimited bool) string {
	least = max(least, 0)
	switch {
	case unlimited && least == 0:
		return "*"
	case unlimited:
		return fmt.Sprintf("{%d,}", least)
	default:
		return fmt.Sprintf("{%d,%d}", least, most)
	}
}

// sizeOf reads a keyword whose value is a count, within what a grammar can repeat.
func sizeOf(s *object, keyword string, missing int, pointer string) (int, error) {
	if !s.has(keyword) {
		return missing, nil
	}
	n, err := decimalOf(keyword, s.values[keyword], pointer)
	if err != nil {
		return 0, err
	}
	if !n.IsInt() || n.Sign() < 0 {
		return 0, schemaErrorf(pointer, "%q must be an integer of at least 0", keyword)
	}
	if !n.Num().IsInt64() || n.Num().Int64() > maxRepeat {
		return 0, schemaErrorf(pointer, "%q is over the limit of %d", keyword, maxRepeat)
	}
	return int(n.Num().Int64()), nil
}

// schemaList reads a keyword whose value is a list of schemas, at least one.
func schemaList(s *object, keyword, pointer string) ([]any, error) {
	list, ok := s.values[keyword].([]any)
	if !ok || len(list) == 0 {
		return nil, schemaErrorf(pointer, "%q must be a list of schemas", keyword)
	}
	return list, nil
}
