package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// weatherSchema is of the arguments of a function.
const weatherSchema = `{
	"type": "object",
	"properties": {
		"city": {"type": "string", "minLength": 1, "maxLength": 8},
		"unit": {"enum": ["C", "F"]}
	},
	"required": ["city", "unit"],
	"additionalProperties": false
}`

// personSchema is nested: objects in lists in an object, a reference, a choice of types.
const personSchema = `{
	"type": "object",
	"properties": {
		"name": {"type": "string", "minLength": 1, "maxLength": 8},
		"home": {"type": "object", "properties": {
			"number": {"anyOf": [{"type": "integer", "minimum": 1, "maximum": 999}, {"type": "null"}]}
		}, "required": ["number"], "additionalProperties": false},
		"pets": {"type": "array", "maxItems": 2, "items": {"$ref": "#/$defs/pet"}}
	},
	"required": ["name", "home", "pets"],
	"additionalProperties": false,
	"$defs": {"pet": {"type": "object", "properties": {"kind": {"enum": ["cat", "dog"]}}, "required": ["kind"], "additionalProperties": false}}
}`

// compile makes a validator of a schema, and what a client sends of it.
func compile(t *testing.T, schema string) (validator *jsonschema.Schema, sent map[string]any) {
	t.Helper()
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(schema))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal([]byte(schema), &sent))
	c := jsonschema.NewCompiler()
	require.NoError(t, c.AddResource("mem:///schema", value))
	compiled, err := c.Compile("mem:///schema")
	require.NoError(t, err)
	return compiled, sent
}

// often asks so many times, eight at a time, each time for something else.
func often(times int, ask func(i int)) {
	var wg sync.WaitGroup
	turns := make(chan int)
	for range 8 {
		wg.Go(func() {
			for i := range turns {
				ask(i)
			}
		})
	}
	for i := range times {
		turns <- i
	}
	close(turns)
	wg.Wait()
}

// A model of 135 million parameters at full temperature makes every call that is required of it, and writes every answer
// by its schema, however nested.
func TestAHundredOfAHundred(t *testing.T) {
	const times = 100
	d := start(t, oneModel)
	client := d.client()
	valid := func(t *testing.T, schema *jsonschema.Schema, text string) bool {
		value, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
		return assert.NoError(t, err, "%s", text) && assert.NoError(t, schema.Validate(value), "%s", text)
	}
	subjects := []string{"Paris", "the moon", "a pirate", "12 * 12", "日本", "nothing at all", "Rome and Oslo", "}{\"", "your grandmother", "C++"}
	params := func(i int, question string) openai.ChatCompletionNewParams {
		p := chatParams(fmt.Sprintf(question, subjects[i%len(subjects)], i))
		p.Temperature, p.TopP, p.Seed, p.MaxTokens = openai.Float(1), openai.Float(1), openai.Int(int64(i)), openai.Int(400)
		return p
	}

	t.Run("required calls", func(t *testing.T) {
		schema, raw := compile(t, weatherSchema)
		tools := []openai.ChatCompletionToolUnionParam{
			openai.ChatCompletionFunctionTool(openai.FunctionDefinitionParam{Name: "get_weather", Description: openai.String("The weather."), Parameters: raw}),
			openai.ChatCompletionFunctionTool(openai.FunctionDefinitionParam{Name: "now", Description: openai.String("The time.")}),
		}
		var mu sync.Mutex
		good, called := 0, map[string]int{}
		often(times, func(i int) {
			p := params(i, "How is the weather, and what of %s? Question %d.")
			p.Tools, p.ParallelToolCalls = tools, openai.Bool(false)
			p.ToolChoice = openai.ChatCompletionToolChoiceOptionUnionParam{OfAuto: openai.String("required")}
			answer, err := client.Chat.Completions.New(t.Context(), p)
			if !assert.NoError(t, err) {
				return
			}
			choice := answer.Choices[0]
			ok := assert.Equal(t, "tool_calls", choice.FinishReason) && assert.Len(t, choice.Message.ToolCalls, 1)
			for _, call := range choice.Message.ToolCalls {
				switch call.Function.Name {
				case "get_weather":
					ok = valid(t, schema, call.Function.Arguments) && ok
				default:
					ok = assert.Equal(t, "now", call.Function.Name) && assert.True(t, json.Valid([]byte(call.Function.Arguments))) && ok
				}
				mu.Lock()
				called[call.Function.Name]++
				mu.Unlock()
			}
			mu.Lock()
			defer mu.Unlock()
			if ok {
				good++
			}
		})
		t.Logf("%d of %d calls valid, %v", good, times, called)
		assert.Equal(t, times, good)
	})

	t.Run("nested schema", func(t *testing.T) {
		schema, raw := compile(t, personSchema)
		var mu sync.Mutex
		good, distinct := 0, map[string]bool{}
		often(times, func(i int) {
			p := params(i, "Invent somebody who likes %s. Person %d.")
			p.ResponseFormat = openai.ChatCompletionNewParamsResponseFormatUnion{OfJSONSchema: &openai.ResponseFormatJSONSchemaParam{
				JSONSchema: openai.ResponseFormatJSONSchemaJSONSchemaParam{Name: "person", Strict: openai.Bool(true), Schema: raw},
			}}
			answer, err := client.Chat.Completions.New(t.Context(), p)
			if !assert.NoError(t, err) {
				return
			}
			choice := answer.Choices[0]
			ok := assert.Equal(t, "stop", choice.FinishReason, "%s", choice.Message.Content) && valid(t, schema, choice.Message.Content)
			mu.Lock()
			defer mu.Unlock()
			if distinct[choice.Message.Content] = true; ok {
				good++
			}
		})
		t.Logf("%d of %d answers valid, %d of them distinct", good, times, len(distinct))
		assert.Equal(t, times, good)
		assert.Greater(t, len(distinct), times/2, "the model was asked at full temperature")
	})
}
