package openapitest

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

const done = "[DONE]"

// last are the types of events that end a stream, where events have types.
var last = map[string]bool{
	"response.completed": true, "response.incomplete": true, "response.failed": true, "message_stop": true, "compare.completed": true, "error": true,
}

// checkEvents holds each event of a stream against the schema, and that the stream has its end.
func checkEvents(s *jsonschema.Schema, x Exchange) error {
	text := string(x.Answer)
	ended := false
	for text != "" {
		event, rest, whole := strings.Cut(text, "\n\n")
		if !whole {
			if x.Cut {
				return nil
			}
			return errors.New("the last event is not whole")
		}
		if ended {
			return fmt.Errorf("an event follows the last: %s", event)
		}
		var err error
		if ended, err = checkEvent(s, event); err != nil {
			return err
		}
		text = rest
	}
	if !ended && !x.Cut {
		return errors.New("the stream has no end")
	}
	return nil
}

// checkEvent says whether an event is the last.
func checkEvent(s *jsonschema.Schema, event string) (ended bool, err error) {
	name, data := "", ""
	for line := range strings.SplitSeq(event, "\n") {
		key, value, _ := strings.Cut(line, ": ")
		switch key {
		case "event":
			name = value
		case "data":
			data = value
		default:
			return false, fmt.Errorf("not a line of an event: %q", line)
		}
	}
	if data == done {
		return true, nil
	}
	if err := validate(s, []byte(data)); err != nil {
		return false, fmt.Errorf("event %s: %w", event, err)
	}
	var typed struct {
		Type  string          `json:"type"`
		Error json.RawMessage `json:"error"`
	}
	if err := json.Unmarshal([]byte(data), &typed); err != nil {
		return false, err
	}
	if name != typed.Type {
		return false, fmt.Errorf("the event is called %q and its data %q", name, typed.Type)
	}
	return last[typed.Type] || name == "" && typed.Error != nil, nil
}
