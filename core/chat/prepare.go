package chat

import "strings"

// prepare rewrites a template so that the engine makes of it what Jinja2 does with trim_blocks and
// lstrip_blocks, as the reference runs chat templates:
//
//   - the newline after a statement or comment goes, and so does the white space between the start
//     of a line and one. The engine's own switches also take white space that follows text.
//   - "x if c else y" works wherever an expression may stand. The engine knows it only as the whole
//     of an output or an assignment; elsewhere it becomes ((c) and [x] or [y])[0], which, like the
//     original, evaluates only the branch that is taken.
//   - methods of an expression in parentheses work: (x).m() becomes ([x])[0].m().
func prepare(source string) string {
	source = strings.TrimSuffix(strings.ReplaceAll(source, "\r\n", "\n"), "\n")
	var out strings.Builder
	lineStart := true // out ends at the start of a line, or where a newline was taken away
	for {
		at := nextTag(source)
		if at < 0 {
			break
		}
		data, rest := source[:at], source[at:]
		tag := rest[:tagEnd(rest)]
		source = rest[len(tag):]
		statement := tag[1] != '{'
		if statement && !hasSign(tag[2:]) {
			data = trimIndent(data, lineStart)
		}
		out.WriteString(data)
		switch {
		case tagName(tag) == "raw":
			tag, source = throughRaw(tag, source)
			out.WriteString(tag)
		case tag[1] == '#':
			out.WriteString(tag)
		default:
			out.WriteString(rewriteTag(tag))
		}
		lineStart = statement && len(tag) > 4 && !hasSign(tag[len(tag)-3:]) && strings.HasPrefix(source, "\n")
		if lineStart {
			source = source[1:]
		}
	}
	out.WriteString(source)
	return out.String()
}

// nextTag finds the next {{, {% or {#, or says -1.
func nextTag(s string) int {
	for i := 0; i+1 < len(s); i++ {
		if s[i] == '{' && (s[i+1] == '{' || s[i+1] == '%' || s[i+1] == '#') {
			return i
		}
	}
	return -1
}

// hasSign says whether a tag's end has a - or a +, which say themselves what to do with white space.
func hasSign(s string) bool { return s != "" && (s[0] == '-' || s[0] == '+') }

// trimIndent takes away the white space at the end of data if it reaches from the start of a line.
func trimIndent(data string, lineStart bool) string {
	newline := strings.LastIndexByte(data, '\n')
	if newline < 0 && !lineStart || strings.TrimSpace(data[newline+1:]) != "" {
		return data
	}
	return data[:newline+1]
}

// tagEnd returns the length of the tag that s begins with, all of s when it does not end.
func tagEnd(s string) int {
	closing := "}}"
	switch s[1] {
	case '%':
		closing = "%}"
	case '#':
		if n := strings.Index(s, "#}"); n >= 0 {
			return n + 2
		}
		return len(s)
	}
	depth := 0
	for i := 2; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"' || c == '\'':
			i = stringEnd(s, i) - 1
		case depth <= 0 && strings.HasPrefix(s[i:], closing):
			return i + 2
		case c == '{' || c == '(' || c == '[':
			depth++
		case c == '}' || c == ')' || c == ']':
			depth--
		}
	}
	return len(s)
}

// stringEnd returns the index after the string literal that begins at s[i].
func stringEnd(s string, i int) int {
	quote := s[i]
	for i++; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case quote:
			return i + 1
		}
	}
	return len(s)
}

// tagName is the first word of a {% %} tag, "" for an output.
func tagName(tag string) string {
	if tag[1] != '%' {
		return ""
	}
	words := strings.Fields(strings.Trim(tag, "{%-+}"))
	if len(words) == 0 {
		return ""
	}
	return words[0]
}

// throughRaw takes a raw block's text and its end along with its tag, untouched.
func throughRaw(tag, rest string) (block, after string) {
	for i := 0; i+1 < len(rest); i++ {
		if rest[i] != '{' || rest[i+1] != '%' {
			continue
		}
		n := tagEnd(rest[i:])
		if tagName(rest[i:i+n]) == "endraw" {
			return tag + rest[:i+n], rest[i+n:]
		}
	}
	return tag + rest, ""
}

// rewriteTag rewrites one tag. The "if" of a for statement is its filter, and those of the
// statements if and elif are their names: only what is nested in them is rewritten.
func rewriteTag(tag string) string {
	if !strings.Contains(tag, "if") && !strings.Contains(tag, ").") {
		return tag
	}
	end := len(tag)
	if end >= 4 && tag[end-1] == '}' {
		end -= 2
		if tag[end-1] == '-' || tag[end-1] == '+' {
			end--
		}
	}
	start := min(2, end)
	if start < end && (tag[start] == '-' || tag[start] == '+') {
		start++
	}
	name := tagName(tag)
	body := rewriteSegments(tag[start:end], name == "" || name == "set")
	return tag[:start] + body + tag[end:]
}

// rewriteSegments rewrites an expression list: its nested groups, and, if whole, each of the
// segments that commas, colons and assignments divide it into.
func rewriteSegments(s string, whole bool) string {
	var out, segment strings.Builder
	flush := func() {
		text := segment.String()
		if whole {
			text = rewriteSegment(text)
		}
		out.WriteString(text)
		segment.Reset()
	}
	for i := 0; i < len(s); {
		switch c := s[i]; {
		case c == '"' || c == '\'':
			end := stringEnd(s, i)
			segment.WriteString(s[i:end])
			i = end
		case c == '(' || c == '[' || c == '{':
			end := groupEnd(s, i)
			segment.WriteString(rewriteGroup(s, i, end))
			i = end
		case c == ',' || c == ':' || isAssignment(s, i):
			flush()
			out.WriteByte(c)
			i++
		default:
			segment.WriteByte(c)
			i++
		}
	}
	flush()
	return out.String()
}

// rewriteGroup rewrites what is in the brackets s[start:end].
func rewriteGroup(s string, start, end int) string {
	if end-1 <= start || !isClosing(s[end-1]) {
		return s[start:end]
	}
	inner := rewriteSegments(s[start+1:end-1], true)
	called := strings.TrimRight(s[:start], " \t\n")
	isCall := called != "" && (isWordByte(called, len(called)-1) || isClosing(called[len(called)-1]))
	if s[start] == '(' && !isCall && strings.HasPrefix(s[end:], ".") {
		return "([" + inner + "])[0]"
	}
	return s[start:start+1] + inner + s[end-1:end]
}

// rewriteSegment rewrites "x if c else y" where it is the whole of a segment.
func rewriteSegment(s string) string {
	at := word(s, "if", 0)
	if at < 0 {
		return s
	}
	x, rest := s[:at], s[at+2:]
	condition, y := rest, "none"
	if otherwise := wordOutside(rest, "else"); otherwise >= 0 {
		condition, y = rest[:otherwise], rewriteSegment(rest[otherwise+4:])
	}
	if strings.TrimSpace(x) == "" {
		return s
	}
	return " ((" + rewriteSegment(condition) + ") and [" + x + "] or [" + y + "])[0] "
}

// wordOutside finds the "else" that belongs to the first "if": nested ones pair up.
func wordOutside(s, name string) int {
	depth := 0
	for from := 0; ; {
		next := word(s, name, from)
		if next < 0 {
			return -1
		}
		for inner := word(s[:next], "if", from); inner >= 0; inner = word(s[:next], "if", inner+2) {
			depth++
		}
		if depth == 0 {
			return next
		}
		depth--
		from = next + len(name)
	}
}

// word finds a bare word outside of strings and groups, from an index on; -1 when there is none.
func word(s, name string, from int) int {
	for i := from; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"' || c == '\'':
			i = stringEnd(s, i) - 1
		case c == '(' || c == '[' || c == '{':
			i = groupEnd(s, i) - 1
		case strings.HasPrefix(s[i:], name) && !isWordByte(s, i-1) && !isWordByte(s, i+len(name)):
			return i
		}
	}
	return -1
}

// groupEnd returns the index after the bracket that closes the one at s[i].
func groupEnd(s string, i int) int {
	depth := 0
	for ; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"' || c == '\'':
			i = stringEnd(s, i) - 1
		case c == '(' || c == '[' || c == '{':
			depth++
		case isClosing(c):
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return len(s)
}

func isClosing(c byte) bool { return c == ')' || c == ']' || c == '}' }

// isAssignment says whether s[i] is a lone "=".
func isAssignment(s string, i int) bool {
	return s[i] == '=' &&
		(i == 0 || !strings.ContainsRune("=!<>", rune(s[i-1]))) &&
		(i+1 == len(s) || s[i+1] != '=')
}

func isWordByte(s string, i int) bool {
	if i < 0 || i >= len(s) {
		return false
	}
	c := s[i]
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80 || c == '.'
}
