package openai

// Sender is what a request says of where it comes from. Texts are as the client gave them; "" is unsaid.
type Sender struct {
	User         string // safety_identifier, user, or metadata.user_id of Anthropic's API
	Conversation string // prompt_cache_key
}

// sender reads what is there. What is no text is ignored, as these fields are where nothing depends on them.
func sender(o object) Sender {
	lenient := func(o object, key string) string {
		raw, ok := o.get(key)
		if !ok || kindOf(raw) != "a string" {
			return ""
		}
		return o.d.text(o.at(key), raw)
	}
	s := Sender{Conversation: lenient(o, "prompt_cache_key")}
	for _, key := range []string{"safety_identifier", "user"} {
		if s.User == "" {
			s.User = lenient(o, key)
		}
	}
	if raw, ok := o.get("metadata"); ok && s.User == "" && kindOf(raw) == "an object" {
		s.User = lenient(o.d.object("metadata", raw), "user_id")
	}
	return s
}
