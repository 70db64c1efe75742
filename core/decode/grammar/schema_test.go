package grammar

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/base"
)

// schemas have texts that they must and must not match.
var schemas = map[string]struct {
	schema  string
	in, out []string
}{
	"anything": {`{}`, []string{`null`, `true`, `-0.5e3`, `"a\u00e9\ud83d\ude00"`, `{}`, `[]`, `{"a":[1,{"b":null}]}`, "[\n  1,\n  2\n]"},
		[]string{``, `tru`, `01`, `"\ud800"`, `{a:1}`, `[1,]`, "\"\n\"", "[\n\n1]"}},
	"true":           {`true`, []string{`1`, `"x"`}, nil},
	"types":          {`{"type":["string","null"]}`, []string{`"x"`, `null`}, []string{`1`, `true`}},
	"boolean":        {`{"type":"boolean","description":"yes or no"}`, []string{`true`, `false`}, []string{`null`}},
	"enum":           {`{"enum":["a","b\"c",1,null,{"x":[1,2]}]}`, []string{`"a"`, `"b\"c"`, `1`, `null`, `{"x":[1,2]}`}, []string{`"c"`, `2`}},
	"enum of a type": {`{"type":"integer","enum":["a",1,1.5,2.0]}`, []string{`1`, `2.0`}, []string{`"a"`, `1.5`}},
	"const":          {`{"const":"é\n"}`, []string{`"é\n"`}, []string{`"é"`}},
	"object": {`{"type":"object","properties":{"a":{"type":"string"},"b":{"type":"integer"},"c":{"type":"null"}},"required":["b"]}`,
		[]string{`{"b":1}`, `{"a":"x","b":1}`, `{"b":1,"c":null}`, `{"a":"","b":-7,"c":null}`, "{\n  \"b\": 1\n}", `{ "b": 1 }`},
		[]string{`{}`, `{"a":"x"}`, `{"b":1,"a":"x"}`, `{"b":1,"d":1}`, `{,"b":1}`, `{"b":1,}`}},
	"all optional":  {`{"type":"object","properties":{"a":true,"b":true}}`, []string{`{}`, `{"a":1}`, `{"b":1}`, `{"a":1,"b":2}`}, []string{`{"b":1,"a":1}`, `{"a":1,}`}},
	"no properties": {`{"type":"object","properties":{},"additionalProperties":false}`, []string{`{}`}, []string{`{"a":1}`}},
	"any object":    {`{"type":"object"}`, []string{`{}`, `{"a":1,"b":{}}`}, []string{`[]`}},
	"additional": {`{"type":"object","properties":{"ab":{"type":"integer"},"a":true},"required":["ab"],"additionalProperties":{"type":"string"}}`,
		[]string{`{"ab":1}`, `{"ab":1,"x":"y"}`, `{"ab":1,"a":2,"abc":"y","b":"","":""}`}, []string{`{"ab":1,"ab":"x"}`, `{"ab":1,"a":1,"a":"x"}`, `{"ab":1,"x":1}`, `{"ab":1,"\u0061b":"x"}`}},
	"only additional":   {`{"type":"object","additionalProperties":{"type":"integer"}}`, []string{`{}`, `{"a":1,"b":2}`}, []string{`{"a":"b"}`}},
	"required unnamed":  {`{"type":"object","required":["k"]}`, []string{`{"k":1}`, `{"k":[],"z":1}`}, []string{`{}`, `{"z":1}`}},
	"optional is false": {`{"type":"object","properties":{"a":false,"b":{"type":"null"}}}`, []string{`{}`, `{"b":null}`}, []string{`{"a":1}`}},
	"key to escape":     {`{"type":"object","properties":{"a\"\n[b]^-":{"type":"null"}},"required":["a\"\n[b]^-"],"additionalProperties":true}`, []string{`{"a\"\n[b]^-":null}`, `{"a\"\n[b]^-":null,"a":1}`}, nil},
	"array":             {`{"type":"array","items":{"type":"integer"},"minItems":1,"maxItems":3}`, []string{`[1]`, `[1,2,3]`, `[ 1, 2 ]`}, []string{`[]`, `[1,2,3,4]`, `["a"]`}},
	"at least two":      {`{"type":"array","items":{"type":"null"},"minItems":2}`, []string{`[null,null]`, `[null,null,null]`}, []string{`[]`, `[null]`}},
	"empty array":       {`{"type":"array","items":false}`, []string{`[]`}, []string{`[1]`}},
	"tuple":             {`{"type":"array","prefixItems":[{"type":"integer"},{"type":"string"}],"minItems":1}`, []string{`[1]`, `[1,"a"]`}, []string{`[]`, `["a"]`, `[1,"a",2]`}},
	"tuple and more":    {`{"type":"array","prefixItems":[{"type":"integer"},{"type":"string"}],"items":{"type":"null"},"minItems":3,"maxItems":4}`, []string{`[1,"a",null]`, `[1,"a",null,null]`}, []string{`[1,"a"]`, `[1,"a",null,null,null]`}},
	"lengths":           {`{"type":"string","minLength":2,"maxLength":3}`, []string{`"ab"`, `"a\nb"`, `"é€"`, `"\ud83d\ude00x"`}, []string{`"a"`, `"abcd"`, `"\ud83d\ude00"`}},
	"pattern":           {`{"type":"string","pattern":"^[A-Z]{2}-\\d+( x  y|\\.|é)?$"}`, []string{`"AB-1"`, `"AB-12 x  y"`, `"ZZ-0."`, `"AB-1é"`}, []string{`"A-1"`, `"AB-"`, `"AB-1x"`, `"AB-1 x y"`}},
	"open pattern":      {`{"type":"string","pattern":"b+c"}`, []string{`"bc"`, `"aabbcd"`}, []string{`"b"`, `"ac"`}},
	"pattern of either": {`{"type":"string","pattern":"^a|b$"}`, []string{`"ax"`, `"xb"`}, []string{`"xa"`, `"bx"`}},
	"pattern to escape": {`{"type":"string","pattern":"^[\"\\\\\\n]a.$"}`, []string{`"\"ab"`, `"\\a\""`, `"\na\t"`}, []string{`"xab"`, `"\"a\n"`}},
	"date":              {`{"type":"string","format":"date"}`, []string{`"2024-02-29"`, `"2023-12-31"`, `"2000-02-29"`}, []string{`"2023-02-29"`, `"1900-02-29"`, `"2023-04-31"`, `"2023-13-01"`, `"2023-00-10"`}},
	"time":              {`{"type":"string","format":"time"}`, []string{`"23:59:59Z"`, `"00:00:00.123+05:30"`}, []string{`"24:00:00Z"`, `"12:00:00"`}},
	"date-time":         {`{"type":"string","format":"date-time"}`, []string{`"2024-01-01T00:00:00Z"`}, []string{`"2024-01-01 00:00:00Z"`}},
	"duration":          {`{"type":"string","format":"duration"}`, []string{`"P1Y2M3D"`, `"PT5M"`, `"P3W"`, `"P1DT2H"`}, []string{`"P"`, `"PT"`, `"P1DT"`, `"P1W2D"`}},
	"uuid":              {`{"type":"string","format":"uuid"}`, []string{`"123e4567-e89b-12d3-a456-426614174000"`}, []string{`"123e4567e89b12d3a456426614174000"`}},
	"email":             {`{"type":"string","format":"email"}`, []string{`"a.b+c@example.co.uk"`}, []string{`"@example.com"`, `"a@b"`, `"a..b@example.com"`}},
	"hostname":          {`{"type":"string","format":"hostname"}`, []string{`"localhost"`, `"a-b.example.com"`}, []string{`"-a"`, `"a-"`, `""`}},
	"ipv4":              {`{"type":"string","format":"ipv4"}`, []string{`"0.10.200.255"`}, []string{`"256.0.0.1"`, `"01.0.0.1"`, `"1.2.3"`}},
	"integer":           {`{"type":"integer"}`, []string{`0`, `-1`, `123456789012345678`}, []string{`1.0`, `01`, `1e3`}},
	"integers":          {`{"type":"integer","minimum":-12,"maximum":1305}`, []string{`-12`, `-9`, `-1`, `0`, `9`, `10`, `999`, `1000`, `1299`, `1305`}, []string{`-13`, `-20`, `1306`, `1310`, `2000`, `10000`, `-0`}},
	"integer above":     {`{"type":"integer","exclusiveMinimum":9.5}`, []string{`10`, `99`, `123456`}, []string{`9`, `0`, `-10`}},
	"integer below":     {`{"type":"integer","exclusiveMaximum":-5}`, []string{`-6`, `-10`, `-500`}, []string{`-5`, `-4`, `0`, `6`}},
	"negative integers": {`{"type":"integer","minimum":-150,"maximum":-7}`, []string{`-7`, `-99`, `-150`}, []string{`-6`, `-151`, `0`}},
	"number":            {`{"type":"number"}`, []string{`0`, `-1.5`, `1e10`, `2.5E-3`}, []string{`.5`, `1.`, `+1`}},
	"fraction":          {`{"type":"number","minimum":0,"maximum":1}`, []string{`0`, `0.5`, `1`, `0.999`, `0.0`}, []string{`1.1`, `-0.1`, `2`, `1.01`}},
	"open fraction":     {`{"type":"number","exclusiveMinimum":0,"exclusiveMaximum":1}`, []string{`0.5`, `0.01`, `0.999`}, []string{`0`, `1`, `0.0`, `1.0`}},
	"decimals":          {`{"type":"number","minimum":-2.75,"maximum":12.125}`, []string{`-2.75`, `-2.7`, `-2.749`, `-1.9`, `0.1`, `11.999`, `12`, `12.1`, `12.125`, `12.1249`}, []string{`-2.76`, `-2.751`, `-3`, `12.126`, `12.13`, `12.1251`, `13`}},
	"within one":        {`{"type":"number","minimum":3.14,"exclusiveMaximum":3.1416}`, []string{`3.14`, `3.141`, `3.14159`}, []string{`3.13`, `3.1416`, `3.15`, `3`, `3.2`}},
	"number above":      {`{"type":"number","minimum":0.5}`, []string{`0.5`, `0.51`, `1`, `99.9`, `123456`}, []string{`0.4`, `0`, `0.49`, `-1`}},
	"number below":      {`{"type":"number","maximum":-0.5}`, []string{`-0.5`, `-1`, `-99.25`}, []string{`0`, `-0.4`, `1`}},
	"exponent bound":    {`{"type":"number","minimum":1e1,"maximum":1.5e1}`, []string{`10`, `12.5`, `15`}, []string{`9`, `15.1`}},
	"anyOf":             {`{"anyOf":[{"type":"integer"},{"type":"string","maxLength":1}]}`, []string{`1`, `"a"`}, []string{`"ab"`, `null`}},
	"anyOf beside": {`{"type":"object","properties":{"a":{"type":"null"},"b":{"type":"null"}},"anyOf":[{"required":["a"]},{"required":["b"]}]}`,
		[]string{`{"a":null}`, `{"b":null}`, `{"a":null,"b":null}`}, []string{`{}`}},
	"oneOf": {`{"oneOf":[{"type":"object","properties":{"k":{"const":"a"},"x":{"type":"integer"}},"required":["k","x"]},{"type":"object","properties":{"k":{"const":"b"}},"required":["k"]}]}`,
		[]string{`{"k":"a","x":1}`, `{"k":"b"}`}, []string{`{"k":"a"}`, `{"k":"b","x":1}`}},
	"allOf": {`{"allOf":[{"type":"object","properties":{"a":{"type":"number","minimum":1}},"required":["a"]},{"properties":{"a":{"maximum":3,"type":["integer","string"]},"b":{"type":"null"}}}]}`,
		[]string{`{"a":1}`, `{"a":3,"b":null}`}, []string{`{}`, `{"a":4}`, `{"a":1.5}`, `{"a":"x"}`}},
	"allOf closed":     {`{"allOf":[{"type":"object","properties":{"a":{"type":"null"}},"additionalProperties":false},{"properties":{"b":{"type":"null"}}}]}`, []string{`{}`, `{"a":null}`}, []string{`{"b":null}`}},
	"allOf of anyOfs":  {`{"allOf":[{"anyOf":[{"type":"integer"},{"type":"string"}]},{"anyOf":[{"maximum":5,"type":"number"},{"maxLength":1,"type":"string"}]}]}`, []string{`5`, `"a"`}, []string{`6`, `"ab"`, `1.5`}},
	"ref":              {`{"$defs":{"p/~q":{"type":"integer"}},"type":"array","items":{"$ref":"#/$defs/p~1~0q"}}`, []string{`[]`, `[1,2]`}, []string{`["a"]`}},
	"ref beside":       {`{"$defs":{"s":{"type":"string"}},"$ref":"#/$defs/s","maxLength":2}`, []string{`"ab"`}, []string{`"abc"`}},
	"recursive":        {`{"$defs":{"n":{"type":"object","properties":{"v":{"type":"integer"},"next":{"anyOf":[{"$ref":"#/$defs/n"},{"type":"null"}]}},"required":["v","next"]}},"$ref":"#/$defs/n"}`, []string{`{"v":1,"next":null}`, `{"v":1,"next":{"v":2,"next":null}}`}, []string{`{"v":1}`}},
	"recursive root":   {`{"type":"array","items":{"$ref":"#"}}`, []string{`[]`, `[[],[[]]]`}, []string{`[1]`}},
	"recursive allOf":  {`{"$defs":{"b":{"type":"object","properties":{"kids":{"type":"array","items":{"$ref":"#"}}}}},"allOf":[{"$ref":"#/$defs/b"},{"properties":{"x":{"type":"null"}},"required":["x"]}]}`, []string{`{"x":null}`, `{"kids":[{"x":null}],"x":null}`}, []string{`{}`}},
	"inferred":         {`{"properties":{"a":{"minLength":1}},"required":["a"]}`, []string{`{"a":"x"}`}, []string{`{"a":""}`, `1`}},
	"annotations":      {`{"$schema":"https://json-schema.org/draft/2020-12/schema","$id":"https://example.com/x","title":"t","default":1,"examples":[1],"x-order":3,"type":"integer"}`, []string{`1`}, nil},
	"never in a union": {`{"anyOf":[{"type":"integer","minimum":5,"maximum":1},{"type":"null"}]}`, []string{`null`}, []string{`3`}},
}

func TestSchemas(t *testing.T) {
	for name, test := range schemas {
		t.Run(name, func(t *testing.T) {
			source, g := schemaGrammar(t, test.schema)
			valid := validator(t, test.schema)
			for _, text := range test.in {
				require.True(t, matches(g, text), "%s must match:\n%s", text, source)
				require.NoError(t, valid(text))
			}
			for _, text := range test.out {
				require.False(t, matches(g, text), "%s must not match:\n%s", text, source)
			}
		})
	}
}

// TestWhatIsWrittenIsValid writes random texts that the grammars allow, token by token, and
// validates them.
func TestWhatIsWrittenIsValid(t *testing.T) {
	vocabulary := randomVocabulary(1200, 7)
	for name, test := range schemas {
		t.Run(name, func(t *testing.T) {
			source, g := schemaGrammar(t, test.schema)
			valid := validator(t, test.schema)
			r := rand.New(rand.NewPCG(8, uint64(len(test.schema))))
			start := g.Matcher(vocabulary)
			written := 0
			for range 30 {
				if text, ok := writeRandom(t, start.Clone(), r); ok {
					written++
					require.NoError(t, valid(text), "%s\n%s", text, source)
				}
			}
			require.Positive(t, written, source)
		})
	}
}

// writeRandom draws allowed tokens until the text has ended, or gives up. The longer the text
// gets, the more it is drawn to its end.
func writeRandom(t *testing.T, m *Matcher, r *rand.Rand) (_ string, ended bool) {
	v := m.machine.vocabulary
	var text []byte
	for step := 0; !m.Done(); step++ {
		mask := m.Mask()
		if m.CanEnd() && r.IntN(4) == 0 {
			break
		}
		var allowed, ending []backend.Token
		for tok := range backend.Token(v.Size()) {
			if bit(mask, tok) && !v.endsText(tok) {
				allowed = append(allowed, tok)
				if strings.ContainsAny(string(v.pieces[tok]), "}]\"0nbc") {
					ending = append(ending, tok)
				}
			}
		}
		require.NotEmpty(t, allowed, "stuck after %s", text)
		if step > 20 && len(ending) > 0 && r.IntN(3) > 0 {
			allowed = ending
			for _, c := range []string{"}", "]", `"`, "null"} {
				for _, tok := range ending {
					if string(v.pieces[tok]) == c && r.IntN(2) == 0 {
						allowed = []backend.Token{tok}
					}
				}
			}
		}
		tok := allowed[r.IntN(len(allowed))]
		require.NoError(t, m.Accept(tok))
		text = append(text, v.pieces[tok]...)
		if step > 300 {
			return "", false
		}
	}
	return string(text), true
}

func schemaGrammar(t testing.TB, schema string) (string, *Grammar) {
	source, err := FromJSONSchema(schema)
	require.NoError(t, err)
	g, err := Parse(source)
	require.NoError(t, err, source)
	return source, g
}

// validator returns what checks a text against a schema.
func validator(t testing.TB, schema string) func(text string) error {
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(schema))
	require.NoError(t, err)
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	require.NoError(t, compiler.AddResource("mem:schema", doc))
	compiled, err := compiler.Compile("mem:schema")
	require.NoError(t, err)
	return func(text string) error {
		value, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
		if err != nil {
			return err
		}
		return compiled.Validate(value)
	}
}

func TestSchemaErrors(t *testing.T) {
	tests := map[string]struct{ schema, want string }{
		"not JSON":         {`{"a":`, "at #: not valid JSON"},
		"two values":       {`{} {}`, "at #: not valid JSON: more than one value"},
		"not a schema":     {`{"properties":{"a":1}}`, "at #/properties/a: a schema must be an object or a boolean"},
		"keyword":          {`{"properties":{"a/b":{"not":{}}}}`, `at #/properties/a~1b: keyword "not" is not supported`},
		"unknown keyword":  {`{"type":"array","items":{"foo":1}}`, `at #/items: keyword "foo" is not supported`},
		"unique":           {`{"type":"array","uniqueItems":true}`, `keyword "uniqueItems" is not supported`},
		"type":             {`{"type":"text"}`, `at #: "type" must be a type or a list of types, found "text"`},
		"format":           {`{"type":"string","format":"iri"}`, `at #: "format" "iri" is not supported`},
		"look-ahead":       {`{"type":"string","pattern":"(?=a)"}`, `at #: "pattern" "(?=a)"`},
		"word boundary":    {`{"type":"string","pattern":"a\\b"}`, `a word boundary is not supported`},
		"inner anchor":     {`{"type":"string","pattern":"a(^b)"}`, `an anchor inside of it is not supported`},
		"pattern, length":  {`{"type":"string","pattern":"a","minLength":1}`, `"pattern" beside a length is not supported`},
		"false":            {`false`, "at #: no value is possible: the schema is false"},
		"required false":   {`{"properties":{"a":false},"required":["a"]}`, "at #/properties/a: no value is possible"},
		"no number":        {`{"type":"integer","minimum":2,"maximum":1}`, "at #: no value is possible: no number is within the bounds"},
		"no type left":     {`{"allOf":[{"type":"string"},{"type":"null"}]}`, "at #: no value is possible: no type is left"},
		"no value left":    {`{"enum":[1],"const":2}`, "at #: no value is possible"},
		"huge number":      {`{"type":"number","minimum":1e999999999}`, `at #: "minimum" is 1e999999999, which has too many digits`},
		"huge count":       {`{"type":"array","minItems":100000}`, `at #: "minItems" is over the limit of 10000`},
		"negative count":   {`{"type":"array","minItems":-1}`, `at #: "minItems" must be an integer of at least 0`},
		"remote ref":       {`{"$ref":"https://example.com/a"}`, `at #: "$ref" is "https://example.com/a", must be a JSON pointer into the document`},
		"missing ref":      {`{"items":{"$ref":"#/$defs/a"}}`, `at #/items: "$ref" is "#/$defs/a", which does not exist`},
		"circle":           {`{"$ref":"#"}`, `"$ref" leads back to #`},
		"far circle":       {`{"$defs":{"a":{"anyOf":[{"type":"null"},{"$ref":"#/$defs/b"}]},"b":{"$ref":"#/$defs/a"}},"$ref":"#/$defs/a"}`, `"$ref" leads back to #/$defs/a`},
		"merged circle":    {`{"$defs":{"a":{"allOf":[{"$ref":"#/$defs/a"},{"type":"null"}]}},"$ref":"#/$defs/a","title":"x"}`, `lead back to themselves`},
		"branching circle": {`{"$defs":{"a":{"anyOf":[{"allOf":[{"$ref":"#/$defs/a"},{"type":"null"}]},{"allOf":[{"$ref":"#/$defs/a"},{"type":"null"}]}]}},"$ref":"#/$defs/a"}`, "when references are written out"},
		"enum beside":      {`{"enum":["a"],"minLength":1}`, `keyword "minLength" is not supported beside enum and const`},
		"deep":             {strings.Repeat(`{"items":`, 150) + "{}" + strings.Repeat("}", 150), "schemas are nested deeper than 100"},
		"deep JSON":        {strings.Repeat("[", 100_000), "nested deeper than"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := FromJSONSchema(test.schema)
			require.ErrorIs(t, err, base.ErrInvalid)
			require.ErrorContains(t, err, test.want)
		})
	}
}

func TestPerlEscapes(t *testing.T) {
	for in, want := range map[string]string{
		`\u00e9\d`: `\x{00e9}\d`,
		`\\u00e9`:  `\\u00e9`,
		`\u00e`:    `\u00e`,
		`a\`:       `a\`,
	} {
		require.Equal(t, want, perlEscapes(in))
	}
}
