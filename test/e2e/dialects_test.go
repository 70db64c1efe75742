package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// dialects are the chat templates that write calls each in their own form.
var dialects = []string{"hermes", "llama", "mistral", "deepseek", "glm", "glm4"}

// A real model makes a required call in the form of whatever template it has, and reads the result in it.
func TestDialects(t *testing.T) {
	config := oneModel
	for _, name := range dialects {
		config += fmt.Sprintf("  %s: {model: smollm2-135m, chat_template: %q, load: {context: 2048, parallel: 8, cache_tokens: 8192}}\n", name, template(t, name))
	}
	d := start(t, config)
	client := d.client()
	schema, raw := compile(t, weatherSchema)
	for _, name := range dialects {
		t.Run(name, func(t *testing.T) {
			params := chatParams("How is the weather in Paris?")
			params.Model, params.MaxTokens = name, openai.Int(300)
			params.Tools = []openai.ChatCompletionToolUnionParam{openai.ChatCompletionFunctionTool(openai.FunctionDefinitionParam{
				Name: "get_weather", Description: openai.String("The weather."), Parameters: raw,
			})}
			params.ToolChoice = openai.ToolChoiceOptionFunctionToolChoice(openai.ChatCompletionNamedToolChoiceFunctionParam{Name: "get_weather"})
			var whole openai.ChatCompletionAccumulator
			stream := client.Chat.Completions.NewStreaming(t.Context(), params)
			defer stream.Close()
			for stream.Next() {
				require.True(t, whole.AddChunk(stream.Current()))
			}
			require.NoError(t, stream.Err())
			require.Equal(t, "tool_calls", whole.Choices[0].FinishReason, "%+v", whole.Choices[0])
			require.Len(t, whole.Choices[0].Message.ToolCalls, 1)
			call := whole.Choices[0].Message.ToolCalls[0].Function
			assert.Equal(t, "get_weather", call.Name)
			var arguments any
			require.NoError(t, json.Unmarshal([]byte(call.Arguments), &arguments), "%s", call.Arguments)
			assert.NoError(t, schema.Validate(arguments), "%s", call.Arguments)

			id := whole.Choices[0].Message.ToolCalls[0].ID
			conversation := append(params.Messages,
				openai.ChatCompletionMessageParamUnion{OfAssistant: &openai.ChatCompletionAssistantMessageParam{
					ToolCalls: []openai.ChatCompletionMessageToolCallUnionParam{{OfFunction: &openai.ChatCompletionMessageFunctionToolCallParam{
						ID: id, Function: openai.ChatCompletionMessageFunctionToolCallFunctionParam{Name: call.Name, Arguments: call.Arguments},
					}}},
				}}, openai.ToolMessage("Sunny and 21 degrees.", id))
			status, body := d.post(t.Context(), "/apply-template", string(mustJSON(t, map[string]any{"model": name, "messages": conversation, "tools": params.Tools})))
			require.Equal(t, 200, status, "%s", body)
			var prompt struct{ Prompt string }
			require.NoError(t, json.Unmarshal(body, &prompt))
			for _, part := range []string{"How is the weather in Paris?", "get_weather", "Sunny and 21 degrees."} {
				assert.Contains(t, prompt.Prompt, part)
			}
			assert.Less(t, strings.LastIndex(prompt.Prompt, "get_weather"), strings.Index(prompt.Prompt, "Sunny"), "the call comes before its result")

			params.Messages, params.MaxTokens = conversation, openai.Int(12)
			params.ToolChoice = openai.ChatCompletionToolChoiceOptionUnionParam{OfAuto: openai.String("none")}
			answer, err := client.Chat.Completions.New(t.Context(), params)
			require.NoError(t, err)
			assert.Contains(t, []string{"stop", "length"}, answer.Choices[0].FinishReason)
		})
	}
}
