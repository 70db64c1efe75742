package grammar

import "fmt"

// visitString is strings.
func (c *converter) visitString(s *object, pointer, name string) (string, error) {
	least, err := sizeOf(s, "minLength", 0, pointer)
	if err != nil {
		return "", err
	}
	most, err := sizeOf(s, "maxLength", -1, pointer)
	if err != nil {
		return "", err
	}
	sized := s.has("minLength") || s.has("maxLength")
	switch {
	case s.has("pattern") && s.has("format"):
		return "", schemaErrorf(pointer, "%q and %q together are not supported", "pattern", "format")
	case sized && s.has("pattern"):
		return "", schemaErrorf(pointer, "%q beside a length is not supported", "pattern")
	case sized && s.has("format"):
		return "", schemaErrorf(pointer, "%q beside a length is not supported", "format")
	case s.has("pattern"):
		pattern, ok := s.values["pattern"].(string)
		if !ok {
			return "", schemaErrorf(pointer, "%q must be a string", "pattern")
		}
		return c.visitPattern(pattern, pointer, name)
	case s.has("format"):
		format, ok := s.values["format"].(string)
		if !ok {
			return "", schemaErrorf(pointer, "%q must be a string", "format")
		}
		return c.visitFormat(format, pointer)
	case sized && most >= 0 && least > most:
		return "", neverf(pointer, "a string of at least %d and at most %d characters", least, most)
	case sized:
		return fmt.Sprintf(`"\"" %s%s "\""`, c.common("char"), repetition(least, most, most < 0)), nil
	}
	return c.common("string"), nil
}

// formatRules are the bodies of formats, between the quotes, and of the rules that they use.
var formatRules = map[string]struct {
	body  string
	needs []string
}{
	"date-time": {`format-date [Tt] format-time`, []string{"date", "time"}},
	"date":      {`[0-9]{4} "-" ( ( "0" [13578] | "1" [02] ) "-" ( "0" [1-9] | [12] [0-9] | "3" [01] ) | ( "0" [469] | "11" ) "-" ( "0" [1-9] | [12] [0-9] | "30" ) | "02-" ( "0" [1-9] | "1" [0-9] | "2" [0-8] ) ) | format-leap-year "-02-29"`, []string{"leap-year"}},
	"leap-year": {`[0-9]{2} ( "0" [48] | [2468] [048] | [13579] [26] ) | ( [02468] [048] | [13579] [26] ) "00"`, nil},
	"time":      {`( [01] [0-9] | "2" [0-3] ) ":" [0-5] [0-9] ":" [0-5] [0-9] ( "." [0-9]{1,9} )? ( [Zz] | [-+] ( [01] [0-9] | "2" [0-3] ) ":" [0-5] [0-9] )`, nil},
	"duration":  {`"P" ( format-date-part ( "T" format-time-part )? | "T" format-time-part | format-count "W" )`, []string{"date-part", "time-part", "count"}},
	"date-part": {`format-count "D" | format-count "M" ( format-count "D" )? | format-count "Y" ( format-count "M" ( format-count "D" )? )?`, []string{"count"}},
	"time-part": {`format-count "S" | format-count "M" ( format-count "S" )? | format-count "H" ( format-count "M" ( format-count "S" )? )?`, []string{"count"}},
	"count":     {`[0-9]{1,9}`, nil},
	"uuid":      {`format-hex{8} "-" format-hex{4} "-" format-hex{4} "-" format-hex{4} "-" format-hex{12}`, []string{"hex"}},
	"hex":       {`[0-9a-fA-F]`, nil},
	"ipv4":      {`format-octet ( "." format-octet ){3}`, []string{"octet"}},
	"octet":     {`"25" [0-5] | "2" [0-4] [0-9] | "1" [0-9] [0-9] | [1-9]? [0-9]`, nil},
	"hostname":  {`format-label ( "." format-label ){0,3}`, []string{"label"}},
	"label":     {`[a-zA-Z0-9] ( [-a-zA-Z0-9]{0,61} [a-zA-Z0-9] )?`, nil},
	"email":     {`format-atom ( "." format-atom ){0,2} "@" format-label ( "." format-label ){1,2}`, []string{"atom", "label"}},
	"atom":      {`[-a-zA-Z0-9!#$%&'*+/=?^_` + "`" + `{|}~]{1,20}`, nil},
}

// helperFormats are in formatRules without being formats.
var helperFormats = map[string]bool{
	"leap-year": true, "date-part": true, "time-part": true, "count": true, "hex": true, "octet": true, "label": true, "atom": true,
}

func (c *converter) visitFormat(format, pointer string) (string, error) {
	if _, known := formatRules[format]; !known || helperFormats[format] {
		return "", schemaErrorf(pointer, "%q %q is not supported", "format", format)
	}
	return `"\"" ` + c.formatRule(format) + ` "\""`, nil
}

// formatRule returns the name of the rule of a format, which is added when it is first used.
func (c *converter) formatRule(format string) string {
	name := "format-" + format
	if !c.names[name] {
		c.names[name] = true
		r := formatRules[format]
		for _, n := range r.needs {
			c.formatRule(n)
		}
		c.shared = append(c.shared, name+" ::= "+r.body+"\n")
	}
	return name
}
