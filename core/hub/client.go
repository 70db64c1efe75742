package hub

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"strings"
)

// Client asks one hub.
type Client struct {
	Endpoint string       // "": DefaultEndpoint
	Token    string       // sent to the endpoint alone; "": none
	HTTP     *http.Client // nil: http.DefaultClient
}

func (c *Client) endpoint() string {
	if c.Endpoint == "" {
		return DefaultEndpoint
	}
	return strings.TrimSuffix(c.Endpoint, "/")
}

// maxListing bounds what is read of a listing.
const maxListing = 64 << 20

// entry is a line of the hub's tree.
type entry struct {
	Type string `json:"type"`
	Path string `json:"path"`
	Size int64  `json:"size"`
	LFS  *struct {
		OID  string `json:"oid"` // SHA-256
		Size int64  `json:"size"`
	} `json:"lfs"`
}

// List returns the models that a reference may mean, smallest first. A URL is a model of one file.
func (c *Client) List(ctx context.Context, r Reference) ([]Model, error) {
	if r.URL != "" {
		u, err := url.Parse(r.URL)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrReference, err)
		}
		return models([]File{{Path: path.Base(u.Path), url: r.URL}}), nil
	}
	var files []File
	next := fmt.Sprintf("%s/api/models/%s/tree/%s?recursive=true", c.endpoint(), r.Repo, url.PathEscape(r.Revision))
	for next != "" {
		entries, following, err := c.tree(ctx, next)
		if err != nil {
			return nil, fmt.Errorf("list %s: %w", r.Repo, err)
		}
		for _, e := range entries {
			if e.Type != "file" {
				continue
			}
			f := File{Path: e.Path, Size: e.Size, url: fmt.Sprintf("%s/%s/resolve/%s/%s", c.endpoint(), r.Repo, url.PathEscape(r.Revision), escaped(e.Path))}
			if e.LFS != nil {
				f.Size, f.SHA256 = e.LFS.Size, strings.TrimPrefix(e.LFS.OID, "sha256:")
			}
			files = append(files, f)
		}
		next = following
	}
	return models(files), nil
}

func escaped(p string) string {
	parts := strings.Split(p, "/")
	for i := range parts {
		parts[i] = url.PathEscape(parts[i])
	}
	return strings.Join(parts, "/")
}

// tree reads one page of a listing and returns the next one's URL.
func (c *Client) tree(ctx context.Context, u string) ([]entry, string, error) {
	resp, err := c.get(ctx, u, nil)
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	if err := refusal(resp, c.Token != ""); err != nil {
		return nil, "", err
	}
	var entries []entry
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxListing)).Decode(&entries); err != nil {
		return nil, "", fmt.Errorf("the listing is not understood: %w", err)
	}
	for _, link := range strings.Split(resp.Header.Get("Link"), ",") {
		target, rel, ok := strings.Cut(link, ";")
		if ok && strings.Contains(rel, `rel="next"`) {
			next := strings.Trim(strings.TrimSpace(target), "<>")
			if !strings.HasPrefix(next, c.endpoint()+"/") {
				return nil, "", fmt.Errorf("the listing goes on at a foreign address: %s", next)
			}
			return entries, next, nil
		}
	}
	return entries, "", nil
}

// get asks for a URL. The token goes to the endpoint alone: Go drops it where a redirect leads to another host.
func (c *Client) get(ctx context.Context, u string, header http.Header) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u, nil)
	if err != nil {
		return nil, err
	}
	for name, values := range header {
		req.Header[name] = values
	}
	req.Header.Set("User-Agent", "kakeyad")
	if c.Token != "" && strings.HasPrefix(u, c.endpoint()+"/") {
		req.Header.Set("Authorization", "Bearer "+c.Token)
	}
	client := c.HTTP
	if client == nil {
		client = http.DefaultClient
	}
	return client.Do(req)
}

// refusal makes an answer that is none an error that says what to do.
func refusal(resp *http.Response, withToken bool) error {
	switch resp.StatusCode {
	case http.StatusOK, http.StatusPartialContent:
		return nil
	case http.StatusUnauthorized, http.StatusForbidden:
		what := "the repository is private, gated or does not exist: set HF_TOKEN to a token that may read it"
		if withToken {
			what = "the token may not read it, or the repository does not exist: accept its conditions on its page, or set another HF_TOKEN"
		}
		return fmt.Errorf("%w (%s): %s", ErrForbidden, resp.Status, what)
	case http.StatusNotFound:
		return fmt.Errorf("%w: check the name", ErrNotFound)
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		after := resp.Header.Get("Retry-After")
		if after != "" {
			after = ", in " + after + " s"
		}
		return fmt.Errorf("%w (%s)%s", ErrBusy, resp.Status, after)
	}
	return fmt.Errorf("the server answered %s", resp.Status)
}
