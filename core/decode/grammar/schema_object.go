package grammar

import (
	"slices"
	"strings"
)

// member is a property that an object declares.
type member struct {
	key      string
	rule     string // of "key": value
	required bool
}

// visitMembers is objects.
func (c *converter) visitMembers(s *object, pointer, name string) (string, error) {
	members, err := c.members(s, pointer, name)
	if err != nil {
		return "", err
	}
	more, err := c.additional(s, members, pointer, name)
	if err != nil {
		return "", err
	}
	if err := checkMemberCount(s, members, more != "", pointer); err != nil {
		return "", err
	}
	ws := c.common("ws")
	if len(members) == 0 && more == "" {
		return `"{" ` + ws + ` "}"`, nil
	}

	// rest is what may follow the first i members once one has been written.
	rest := ""
	if more != "" {
		rest = `( "," ` + ws + " " + more + ` )*`
	}
	// first are the ways to begin: with any member that only optional ones come before.
	optional := len(members)
	for i, m := range members {
		if m.required {
			optional = i
			break
		}
	}
	var first []string
	if more != "" && optional == len(members) {
		first = append(first, strings.TrimSpace(more+" "+rest))
	}
	for i, m := range slices.Backward(members) {
		if i <= optional {
			first = append(first, strings.TrimSpace(m.rule+" "+rest))
		}
		next := `"," ` + ws + " " + m.rule
		if !m.required {
			next = "( " + next + " )?"
		}
		rest = strings.TrimSpace(next + " " + rest)
		if i > 0 && i <= optional {
			rest = c.define(name+"-rest", rest)
		}
	}
	slices.Reverse(first)
	inside := either(first)
	body := `"{" ` + ws + " ( " + inside + " " + ws + ` )? "}"`
	if optional < len(members) {
		body = `"{" ` + ws + " " + inside + " " + ws + ` "}"`
	}
	return c.define(name, body), nil
}

// members returns the declared properties, then those that are required without being declared.
// An optional property that can have no value is left out.
func (c *converter) members(s *object, pointer, name string) ([]member, error) {
	required := map[string]bool{}
	var order []string
	if s.has("required") {
		list, ok := s.values["required"].([]any)
		if !ok {
			return nil, schemaErrorf(pointer, "%q must be a list of strings", "required")
		}
		for _, item := range list {
			key, ok := item.(string)
			if !ok {
				return nil, schemaErrorf(pointer, "%q must be a list of strings", "required")
			}
			if !required[key] {
				order = append(order, key)
			}
			required[key] = true
		}
	}
	declared := newObject()
	if s.has("properties") {
		var ok bool
		if declared, ok = s.values["properties"].(*object); !ok {
			return nil, schemaErrorf(pointer, "%q must be an object", "properties")
		}
	}
	var members []member
	write := func(key string, schema any, at string) error {
		value, err := c.visit(schema, at, name+"-"+key)
		if isNever(err) && !required[key] {
			return nil
		}
		if err != nil {
			return err
		}
		rule := c.define(name+"-"+key+"-kv", quote(encodeString(key)+":")+` " "? `+value)
		members = append(members, member{key, rule, required[key]})
		return nil
	}
	for _, key := range declared.keys {
		if err := write(key, declared.values[key], pointer+"/properties/"+escapePointer(key)); err != nil {
			return nil, err
		}
	}
	for _, key := range order {
		if declared.has(key) {
			continue
		}
		var schema any = true
		if s.has("additionalProperties") {
			schema = s.values["additionalProperties"]
		}
		if err := write(key, schema, pointer+"/additionalProperties"); err != nil {
			return nil, err
		}
	}
	return members, nil
}

// additional returns the rule of a property that is not declared, "" when there can be none.
func (c *converter) additional(s *object, members []member, pointer, name string) (string, error) {
	schema := s.values["additionalProperties"]
	if !s.has("additionalProperties") {
		if s.has("properties") {
			return "", nil
		}
		schema = true
	}
	value, err := c.visit(schema, pointer+"/additionalProperties", name+"-additional")
	if isNever(err) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	declared, _ := s.values["properties"].(*object)
	var taken []string
	if declared != nil {
		taken = slices.Clone(declared.keys)
	}
	for _, m := range members {
		taken = append(taken, m.key)
	}
	key := c.common("string")
	if len(taken) > 0 {
		if key, err = c.keyBeside(taken, pointer, name); err != nil {
			return "", err
		}
	}
	return c.define(name+"-additional-kv", key+` ":" " "? `+value), nil
}

// checkMemberCount accepts minProperties and maxProperties where they change nothing.
func checkMemberCount(s *object, members []member, more bool, pointer string) error {
	required := 0
	for _, m := range members {
		if m.required {
			required++
		}
	}
	least, err := sizeOf(s, "minProperties", 0, pointer)
	if err != nil {
		return err
	}
	if least > required {
		return schemaErrorf(pointer, "keyword %q is not supported above the number of required properties", "minProperties")
	}
	most, err := sizeOf(s, "maxProperties", -1, pointer)
	if err != nil {
		return err
	}
	if most >= 0 && (more || most < len(members)) {
		return schemaErrorf(pointer, "keyword %q is not supported below the number of properties", "maxProperties")
	}
	return nil
}

// keyTree is the names that are taken, by their characters.
type keyTree struct {
	taken bool
	next  map[rune]*keyTree
}

// keyBeside returns the rule of a key that is none of those taken. It is written without escapes,
// so that no escape can spell one of them.
func (c *converter) keyBeside(taken []string, pointer, name string) (string, error) {
	root := &keyTree{next: map[rune]*keyTree{}}
	nodes := 1
	for _, key := range taken {
		if encodeString(key) != `"`+key+`"` {
			continue // cannot be written without escapes
		}
		at := root
		for _, r := range key {
			if at.next[r] == nil {
				at.next[r] = &keyTree{next: map[rune]*keyTree{}}
				nodes++
			}
			at = at.next[r]
		}
		at.taken = true
	}
	if nodes > maxRules/4 {
		return "", schemaErrorf(pointer, "too many property names beside %q", "additionalProperties")
	}
	return c.define(name+"-key", `"\"" `+c.keyRest(root, name+"-key")+` "\""`), nil
}

// keyRest returns the rule of how a key may go on from a place in the tree.
func (c *converter) keyRest(t *keyTree, name string) string {
	if len(t.next) == 0 && t.taken {
		return c.common("plain") + "+"
	}
	firsts := make([]rune, 0, len(t.next))
	for r := range t.next {
		firsts = append(firsts, r)
	}
	slices.Sort(firsts)
	var alternatives []string
	if other := plainClass.and(classOf(firsts...).not()); len(other) > 0 {
		alternatives = append(alternatives, bracket(other)+" "+c.common("plain")+"*")
	}
	for _, r := range firsts {
		alternatives = append(alternatives, quote(string(r))+" "+c.keyRest(t.next[r], name))
	}
	if !t.taken {
		alternatives = append(alternatives, `""`)
	}
	return c.define(name+"-rest", strings.Join(alternatives, " | "))
}
