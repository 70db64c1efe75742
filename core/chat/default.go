package chat

// Templates for files that bring none, by the token with which a turn ends.
var defaults = map[string]string{
	"<|im_end|>": `{%- for m in messages -%}
{{- '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' -}}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\n' -}}{%- endif -%}`,

	"<end_of_turn>": `{{- bos_token -}}
{%- set ns = namespace(lead='') -%}
{%- for m in messages -%}
{%- if m.role == 'system' -%}{%- set ns.lead = m.content + '\n\n' -%}
{%- else -%}
{{- '<start_of_turn>' + ('model' if m.role == 'assistant' else m.role) + '\n' + (ns.lead if m.role == 'user' else '') + m.content | trim + '<end_of_turn>\n' -}}
{%- if m.role == 'user' -%}{%- set ns.lead = '' -%}{%- endif -%}
{%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- '<start_of_turn>model\n' -}}{%- endif -%}`,
}

// Default returns a template for a model whose file has none, judged by the texts of its special
// tokens, or "" when they tell of no known format.
func Default(tokens map[string]string) string {
	for _, name := range []string{"eot", "eos"} {
		if source, ok := defaults[tokens[name]]; ok {
			return source
		}
	}
	return ""
}
