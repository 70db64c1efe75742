package openai

import (
	"encoding/json"
	"math"
	"strconv"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/router"
)

// Delivery is how a client wants its answer.
type Delivery struct {
	Stream       bool
	IncludeUsage bool // a last chunk with the usage
}

// Bounds of a request.
const (
	maxStops    = 16
	maxTop      = 20 // alternatives a token
	maxStopSize = 1024
	maxChoices  = 128 // answers
)

// delivery reads stream and stream_options.
func delivery(o object) Delivery {
	out := Delivery{Stream: isTrue(o.flag("stream"))}
	if raw, ok := o.get("stream_options"); ok {
		options := o.d.object("stream_options", raw)
		out.IncludeUsage = isTrue(options.flag("include_usage"))
	}
	return out
}

// params reads what chats and completions have in common.
func params(o object) router.Params {
	p := router.Params{
		Temperature:      o.number("temperature", 0, 2),
		TopK:             o.integer("top_k", -1, math.MaxInt32),
		TopP:             o.number("top_p", 0, 1),
		MinP:             o.number("min_p", 0, 1),
		TypicalP:         o.number("typical_p", 0, 1),
		RepeatPenalty:    o.number("repeat_penalty", 0, 10),
		FrequencyPenalty: o.number("frequency_penalty", -2, 2),
		PresencePenalty:  o.number("presence_penalty", -2, 2),
		PenaltyLastN:     o.integer("repeat_last_n", -1, math.MaxInt32),
		Seed:             seed(o),
		LogitBias:        logitBias(o),
		IgnoreEOS:        o.flag("ignore_eos"),
		Stop:             stops(o),
		Constraint:       constraint(o),
	}
	if cache := o.flag("cache_prompt"); cache != nil {
		p.NoCache = !*cache
	}
	normalize(&p)
	if n := o.integer("n", 1, maxChoices); n != nil {
		p.N = *n
	}
	return p
}

// normalize puts the wire's meaning of edge values into the contract's.
func normalize(p *router.Params) {
	if p.TopK != nil && *p.TopK < 0 {
		*p.TopK = 0
	}
	if p.TopP != nil && *p.TopP == 0 { // nothing but the most likely; in the contract 0 is off
		*p.TopP = math.SmallestNonzeroFloat32
	}
	if p.PenaltyLastN != nil && *p.PenaltyLastN == 0 { // look back on nothing; in the contract 0 is the default
		one, zero := float32(1), float32(0)
		p.RepeatPenalty, p.FrequencyPenalty, p.PresencePenalty, p.PenaltyLastN = &one, &zero, &zero, nil
	}
}

// maxTokens reads the limit of an answer, of at least so many tokens, under the first of the keys
// that is there. -1 is no limit.
func maxTokens(o object, least int, keys ...string) *int {
	var first *int
	for _, key := range keys {
		n := o.integer(key, -1, math.MaxInt32)
		if n != nil && *n == 0 && least > 0 {
			o.d.fail(invalid(o.at(key), "expected at least %d, got 0", least))
		}
		if first == nil {
			first = n
		}
	}
	if first != nil && *first == -1 {
		return nil
	}
	return first
}

// zeroSeed stands for the seed 0 of a client, which means that seed, while the contract's 0 means any.
const zeroSeed = 1 << 63

// seed reads the seed. -1 is any.
func seed(o object) *uint64 {
	raw, ok := o.get("seed")
	if !ok {
		return nil
	}
	if kindOf(raw) != "a number" {
		o.d.fail(invalid("seed", "expected an integer, got %s", kindOf(raw)))
		return nil
	}
	signed, err := strconv.ParseInt(string(raw), 10, 64)
	value := uint64(signed)
	if err != nil {
		if value, err = strconv.ParseUint(string(raw), 10, 64); err != nil {
			o.d.fail(invalid("seed", "expected an integer of 64 bits, got %.32s", raw))
		}
	}
	switch {
	case signed == -1:
		return nil
	case value == 0:
		value = zeroSeed
	}
	return &value
}

func logitBias(o object) map[backend.Token]float32 {
	raw, ok := o.get("logit_bias")
	if !ok {
		return nil
	}
	biases := o.d.object("logit_bias", raw)
	out := make(map[backend.Token]float32, len(biases.fields))
	for key, value := range biases.fields {
		token, err := strconv.ParseInt(key, 10, 32)
		if err != nil || token < 0 {
			o.d.fail(invalid("logit_bias", "keys are token ids, got %.32q", key))
			return nil
		}
		out[backend.Token(token)] = float32(o.d.number(biases.at(key), value, -100, 100))
	}
	return out
}

// stops reads a string or an array of strings. Empty strings stop nothing and are dropped.
func stops(o object) []string {
	raw, ok := o.get("stop")
	if !ok {
		return nil
	}
	if kindOf(raw) == "a string" {
		return nonEmpty(o.d, "stop", []json.RawMessage{raw}, func(int) string { return "stop" })
	}
	if kindOf(raw) != "an array" {
		o.d.fail(invalid("stop", "expected a string or an array of strings, got %s", kindOf(raw)))
		return nil
	}
	return nonEmpty(o.d, "stop", o.d.items("stop", raw), func(i int) string { return index("stop", i) })
}

func nonEmpty(d *decoder, path string, items []json.RawMessage, at func(int) string) []string {
	if len(items) > maxStops {
		d.fail(invalid(path, "expected at most %d strings, got %d", maxStops, len(items)))
		return nil
	}
	var out []string
	for i, item := range items {
		s := d.text(at(i), item)
		if len(s) > maxStopSize {
			d.fail(invalid(at(i), "longer than %d bytes", maxStopSize))
		}
		if s != "" {
			out = append(out, s)
		}
	}
	return out
}

// constraint reads grammar, json_schema and response_format, of which one may say something.
func constraint(o object) backend.Constraint {
	var c backend.Constraint
	said := ""
	claim := func(key string) {
		if said != "" {
			o.d.fail(invalid(key, "cannot be used together with %s", said))
		}
		said = key
	}
	if grammar, ok := o.text("grammar"); ok && grammar != "" {
		claim("grammar")
		c.Grammar = grammar
	}
	if raw, ok := o.get("json_schema"); ok {
		claim("json_schema")
		c.JSONSchema = schema(o.d, "json_schema", raw)
	}
	if raw, ok := o.get("response_format"); ok {
		if s := responseFormat(o.d, raw); s != "" {
			claim("response_format")
			c.JSONSchema = s
		}
	}
	return c
}

// responseFormat returns the schema of an answer, "" when it may be any text.
func responseFormat(d *decoder, raw json.RawMessage) string {
	format := d.object("response_format", raw)
	switch kind := format.requiredText("type"); kind {
	case "text", "":
		return ""
	case "json_object":
		if raw, ok := format.get("schema"); ok {
			return schema(d, "response_format.schema", raw)
		}
		return `{"type":"object"}`
	case "json_schema":
		raw, ok := format.get("json_schema")
		if !ok {
			format.missing("json_schema")
			return ""
		}
		outer := d.object("response_format.json_schema", raw)
		raw, ok = outer.get("schema")
		if !ok {
			outer.missing("schema")
			return ""
		}
		return schema(d, "response_format.json_schema.schema", raw)
	default:
		d.fail(invalid("response_format.type", "expected \"text\", \"json_object\" or \"json_schema\", got %.64q", kind))
		return ""
	}
}

func schema(d *decoder, path string, raw json.RawMessage) string {
	if kind := kindOf(raw); kind != "an object" && kind != "a boolean" {
		d.fail(invalid(path, "expected a JSON schema, got %s", kind))
	}
	return string(raw)
}

func isTrue(b *bool) bool { return b != nil && *b }
