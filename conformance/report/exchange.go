package report

// Exchange is one attempt to deliver.
type Exchange struct {
	Request  Request   `json:"request"`
	Response *Response `json:"response,omitempty"`
	// Error says why there is no response, or why it ended early.
	Error   string  `json:"error,omitempty"`
	Seconds float64 `json:"seconds"`
	// Curl repeats the exchange when pasted into a POSIX shell in the report's
	// folder, with the secret in MONCRENEAU_WEBHOOK_SECRET. HOOKCHECK_URL, if
	// set, sends it elsewhere. "" where a body is too large for a line and no
	// files were written.
	Curl string `json:"curl,omitempty"`
}

// Request is what was sent. Values of the secret are replaced by [secret].
type Request struct {
	Method  string              `json:"method"`
	URL     string              `json:"url"`
	Headers map[string][]string `json:"headers"`
	// Signing says how to make those headers again that follow from the secret;
	// left out where none does.
	Signing *Signing `json:"signing,omitempty"`
	// Chunked and MissingBytes say how the body was announced where that was
	// not a true Content-Length: in chunks, or as longer by so many bytes.
	Chunked      bool `json:"chunked,omitempty"`
	MissingBytes int  `json:"missingBytes,omitempty"`
	// Body is the body as text where it is short and text, else its beginning.
	Body string `json:"body"`
	// Bytes is the body's length.
	Bytes int `json:"bytes"`
	// BodyFile holds the whole body, beside the report; .gz is compressed.
	BodyFile string `json:"bodyFile,omitempty"`
	// EventID and EventType are those of the event that it carries.
	EventID   string `json:"eventId,omitempty"`
	EventType string `json:"eventType,omitempty"`
}

// Signing is how header values were made of the secret and a body.
type Signing struct {
	// Digest is hmac-sha256, hmac-sha1 or hmac-sha512, all in hex, or hmac-sha256-base64.
	Digest string `json:"digest"`
	// Key is secret, or secret-without-whsec.
	Key string `json:"key"`
	// SignedFile holds what is signed, beside the report, and Signed is the same
	// where no files were written; neither where it is the body that was sent.
	SignedFile string `json:"signedFile,omitempty"`
	Signed     string `json:"signed,omitempty"`
	// Headers are the values with {{digest}} in the place of the digest,
	// {{digest:32}} for its first 32 characters, and {{digest:off}} for all of
	// it with another last character.
	Headers map[string][]string `json:"headers"`
}

// Response is what came back: the status, and the beginning of the body.
type Response struct {
	Status  int                 `json:"status"`
	Headers map[string][]string `json:"headers"`
	Body    string              `json:"body"`
}
