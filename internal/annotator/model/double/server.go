package double

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
)

// A Server plays its replies, one for each request; the last one is for all further ones.
type Server struct {
	network *network
	http    *http.Server

	mu      sync.Mutex
	replies []Reply
	calls   []Call
}

// A Reply does something with a request. It may write nothing.
type Reply func(w http.ResponseWriter, r *http.Request, c Call)

// A Call is a request as it came.
type Call struct {
	Path   string
	Header http.Header
	Body   []byte
	Chat   Chat
}

// Chat is what a Reply may look at in a body.
type Chat struct {
	Model    string `json:"model"`
	Messages []struct {
		Role    string `json:"role"`
		Content string `json:"content"`
	} `json:"messages"`
	ResponseFormat struct {
		Type       string `json:"type"`
		JSONSchema struct {
			Strict bool            `json:"strict"`
			Schema json.RawMessage `json:"schema"`
		} `json:"json_schema"`
	} `json:"response_format"`
	MaxTokens           *int64   `json:"max_tokens"`
	MaxCompletionTokens *int64   `json:"max_completion_tokens"`
	Temperature         *float64 `json:"temperature"`
	Stream              bool     `json:"stream"`
}

// Prompt returns all that was said.
func (c Chat) Prompt() string {
	var all []string
	for _, m := range c.Messages {
		all = append(all, m.Content)
	}
	return strings.Join(all, "\n")
}

// New returns a Server. Without replies it fails with 500.
func New(replies ...Reply) *Server {
	s := &Server{network: newNetwork(), replies: replies}
	s.http = &http.Server{Handler: s}
	go s.http.Serve(s.network) // until Close; it always returns an error
	return s
}

// Close ends all connections.
func (s *Server) Close() { s.http.Close() }

// Play replaces the replies that are left.
func (s *Server) Play(replies ...Reply) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.replies = replies
}

// Calls returns what was asked, in its order.
func (s *Server) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Call(nil), s.calls...)
}

// Sent returns each byte that clients wrote to connections of Dial.
func (s *Server) Sent() []byte { return s.network.bytes() }

// ServeHTTP plays the next reply. Who asks for something else than a completion does not
// use one up.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the client hung up
	}
	call := Call{Path: r.URL.Path, Header: r.Header.Clone(), Body: body}
	if r.Method != http.MethodPost || !strings.HasSuffix(r.URL.Path, "/chat/completions") {
		http.NotFound(w, r)
		return
	}
	if err := json.Unmarshal(body, &call.Chat); err != nil || len(call.Chat.Messages) == 0 {
		Fail(http.StatusBadRequest, `{"error":{"message":"the body is no request","type":"invalid_request_error"}}`)(w, r, call)
		return
	}
	s.next(call)(w, r, call)
}

func (s *Server) next(call Call) Reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, call)
	if len(s.replies) == 0 {
		return Fail(http.StatusInternalServerError, "")
	}
	reply := s.replies[0]
	if len(s.replies) > 1 {
		s.replies = s.replies[1:]
	}
	return reply
}
