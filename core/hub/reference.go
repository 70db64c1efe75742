package hub

import (
	"fmt"
	"net/url"
	"path"
	"regexp"
	"strings"
)

// DefaultEndpoint is the hub that references without a host mean.
const DefaultEndpoint = "https://huggingface.co"

// Reference is what a person names: a repository, or a file at a URL.
type Reference struct {
	Repo     string // owner/name; "" for a URL
	Revision string // "main" unless the reference says another
	Quant    string // of a repository: which quantisation; "" leaves it open
	File     string // of a repository: its path; "" leaves it open
	URL      string // "" for a repository
}

var repoName = regexp.MustCompile(`^[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}$`)

// ParseReference reads owner/repo, owner/repo:QUANT, owner/repo/file.gguf, the same after hf.co/ or
// huggingface.co/, and http or https URLs. Addresses of the hub's pages are read as what they show.
func ParseReference(text string) (Reference, error) {
	rest := text
	if u, err := url.Parse(text); err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" {
		if u.Host != "huggingface.co" && u.Host != "hf.co" {
			if name := path.Base(u.Path); !strings.EqualFold(path.Ext(name), ".gguf") {
				return Reference{}, fmt.Errorf("%w: %s does not lead to a .gguf file", ErrReference, text)
			}
			return Reference{URL: text}, nil
		}
		rest = u.Host + u.Path
	}
	for _, host := range []string{"hf.co/", "huggingface.co/"} {
		rest = strings.TrimPrefix(rest, host)
	}
	rest, quant, _ := strings.Cut(strings.TrimSuffix(rest, "/"), ":")
	parts := strings.Split(rest, "/")
	if len(parts) < 2 || !repoName.MatchString(parts[0]+"/"+parts[1]) {
		return Reference{}, fmt.Errorf("%w: %q is neither owner/repo[:QUANT] nor a URL of a .gguf file", ErrReference, text)
	}
	r := Reference{Repo: parts[0] + "/" + parts[1], Revision: "main", Quant: quant}
	parts = parts[2:]
	if len(parts) > 2 && (parts[0] == "resolve" || parts[0] == "blob") {
		r.Revision, parts = parts[1], parts[2:]
	}
	r.File = strings.Join(parts, "/")
	if r.File != "" && (!strings.EqualFold(path.Ext(r.File), ".gguf") || strings.Contains("/"+r.File+"/", "/../")) {
		return Reference{}, fmt.Errorf("%w: %q is no .gguf file", ErrReference, r.File)
	}
	return r, nil
}

// String is the reference as a person writes it.
func (r Reference) String() string {
	switch {
	case r.URL != "":
		return r.URL
	case r.File != "":
		return r.Repo + "/" + r.File
	case r.Quant != "":
		return r.Repo + ":" + r.Quant
	}
	return r.Repo
}
