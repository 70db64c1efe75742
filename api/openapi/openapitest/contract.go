// Package openapitest holds requests and answers against the description of the API, for tests.
//
// Answers are held against it strictly: a field that an object's schema does not name is a mistake, though the
// description leaves room for more to come. Requests may have any fields besides.
package openapitest

import (
	"bytes"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/kakeyad/kakeyad/api/openapi"
)

// Contract is the description, ready to be held against. It is safe for concurrent use.
type Contract struct {
	operations []operation
}

// operation is one method of one path.
type operation struct {
	method, template string
	path             *regexp.Regexp
	request          *jsonschema.Schema   // nil: without a body
	answers          map[string][]content // by status, or by "4XX"
}

// content is what an answer may be.
type content struct {
	mediaType string
	schema    *jsonschema.Schema // of the body, or of the data of each event
	events    bool
	headers   []string // that must be there
}

// Load reads the description. An error is a mistake in it.
func Load() (*Contract, error) {
	raw, err := yaml.YAMLToJSON(openapi.Document)
	if err != nil {
		return nil, fmt.Errorf("openapi.yaml: %w", err)
	}
	open, err := newReader(raw, false)
	if err != nil {
		return nil, err
	}
	closed, err := newReader(raw, true)
	if err != nil {
		return nil, err
	}
	c := &Contract{}
	for template, item := range open.object("paths") {
		for method := range item.(map[string]any) {
			o, err := readOperation(open, closed, template, method)
			if err != nil {
				return nil, fmt.Errorf("%s %s: %w", method, template, err)
			}
			c.operations = append(c.operations, o)
		}
	}
	slices.SortFunc(c.operations, func(a, b operation) int { return strings.Compare(a.template+a.method, b.template+b.method) })
	return c, nil
}

// Endpoints lists the operations as "POST /v1/completions".
func (c *Contract) Endpoints() []string {
	out := make([]string, len(c.operations))
	for i, o := range c.operations {
		out[i] = o.method + " " + o.template
	}
	return out
}

var parameter = regexp.MustCompile(`\\\{[^/]*\\\}$|\\\{[^/]*?\\\}`)

func readOperation(open, closed *reader, template, method string) (operation, error) {
	pattern := parameter.ReplaceAllStringFunc(regexp.QuoteMeta(template), func(string) string { return ".+" })
	o := operation{
		method: strings.ToUpper(method), template: template,
		path: regexp.MustCompile("^" + pattern + "$"), answers: map[string][]content{},
	}
	at := []string{"paths", template, method}
	var err error
	if _, ok := open.at(append(at, "requestBody")...); ok {
		if o.request, err = open.compile(append(at, "requestBody", "content", "application/json", "schema")...); err != nil {
			return o, err
		}
	}
	for status := range open.object(append(at, "responses")...) {
		if o.answers[status], err = readContents(closed, append(at, "responses", status)); err != nil {
			return o, err
		}
	}
	return o, nil
}

func readContents(r *reader, at []string) (out []content, err error) {
	headers := []string{}
	for name := range r.object(append(at, "headers")...) {
		always := name != "Retry-After" && !strings.HasPrefix(name, "X-Kakeya-") // what some channels alone say
		if always || name == "Retry-After" && slices.Contains(at, "429") {
			headers = append(headers, name)
		}
	}
	for mediaType := range r.object(append(at, "content")...) {
		one := content{mediaType: mediaType, events: mediaType == "text/event-stream", headers: headers}
		where := append(slices.Clone(at), "content", mediaType, "schema")
		if one.events {
			where[len(where)-1] = "x-data-schema"
		}
		if one.schema, err = r.compile(where...); err != nil {
			return nil, err
		}
		out = append(out, one)
	}
	return out, nil
}

// Exchange is a request and its answer.
type Exchange struct {
	Method, Path string
	Request      []byte
	Status       int
	Header       http.Header // of the answer
	Answer       []byte
	Cut          bool // the answer has no end: one of the two went away
}

// Check says how an exchange is not as described. A request must be so if it was answered well.
func (c *Contract) Check(x Exchange) error {
	o, known := c.find(x)
	switch {
	case x.Method == http.MethodOptions:
		return nil
	case !known && x.Status < 400:
		return fmt.Errorf("%s %s answers %d and is not described", x.Method, x.Path, x.Status)
	case !known:
		o = c.near(x.Path)
	}
	if known && x.Status < 300 && o.request != nil {
		if err := validate(o.request, x.Request); err != nil {
			return fmt.Errorf("%s %s: a request that was answered well is not as described: %w\n%s", x.Method, x.Path, err, x.Request)
		}
	}
	if err := o.checkAnswer(x); err != nil {
		return fmt.Errorf("%s %s: an answer of status %d is not as described: %w\n%s", x.Method, x.Path, x.Status, err, x.Answer)
	}
	return nil
}

func (c *Contract) find(x Exchange) (operation, bool) {
	method := x.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	best := operation{}
	for _, o := range c.operations {
		if o.method == method && o.path.MatchString(x.Path) && len(o.template) > len(best.template) {
			best = o
		}
	}
	return best, best.path != nil
}

// near is an operation that refuses what the path has not in the way that the path does.
func (c *Contract) near(path string) operation {
	for _, o := range c.operations {
		if o.path.MatchString(path) {
			return o
		}
	}
	return c.operations[0]
}

func (o operation) checkAnswer(x Exchange) error {
	contents, ok := o.answers[fmt.Sprint(x.Status)]
	if !ok {
		contents, ok = o.answers[fmt.Sprintf("%dXX", x.Status/100)]
	}
	if !ok {
		return fmt.Errorf("the status is not described")
	}
	mediaType, _, _ := strings.Cut(x.Header.Get("Content-Type"), ";")
	i := slices.IndexFunc(contents, func(c content) bool { return c.mediaType == mediaType })
	if i < 0 {
		return fmt.Errorf("the content type %q is not described", mediaType)
	}
	for _, name := range contents[i].headers {
		if x.Header.Get(name) == "" {
			return fmt.Errorf("the header %s is missing", name)
		}
	}
	switch {
	case x.Method == http.MethodHead:
		return nil
	case contents[i].events:
		return checkEvents(contents[i].schema, x)
	case x.Cut || mediaType != "application/json":
		return nil
	}
	return validate(contents[i].schema, x.Answer)
}

func validate(s *jsonschema.Schema, body []byte) error {
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		return err
	}
	return s.Validate(value)
}
