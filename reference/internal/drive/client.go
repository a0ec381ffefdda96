// Package drive starts receivers as processes and sends them signed events, for
// measurements and long runs. It costs little, because it shares the machine with what
// it measures.
package drive

import (
	"bufio"
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"
)

// Secret is what the deliveries are signed with.
const Secret = "whsec_drive_0123456789abcdef0123456789abcdef" // #nosec G101 -- of tests

// Client is one connection, used for one delivery after another.
type Client struct {
	conn    net.Conn
	in      *bufio.Reader
	out     []byte
	body    []byte
	sum     []byte
	address string
}

// Dial opens a connection.
func Dial(ctx context.Context, address string) (*Client, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	return &Client{conn: conn, in: bufio.NewReader(conn), address: address}, nil
}

// Close closes the connection.
func (c *Client) Close() error { return c.conn.Close() }

// SetDeadline bounds the deliveries that follow.
func (c *Client) SetDeadline(t time.Time) error { return c.conn.SetDeadline(t) }

// Deliver sends one signed event and waits for the whole answer.
func (c *Client) Deliver(id string) (status int, err error) {
	if _, err := c.conn.Write(c.request(id)); err != nil {
		return 0, err
	}
	return c.answer()
}

func (c *Client) request(id string) []byte {
	c.body = append(c.body[:0], `{"id":"`...)
	c.body = append(c.body, id...)
	c.body = append(c.body, event...)
	mac := hmac.New(sha256.New, []byte(Secret))
	mac.Write(c.body)
	c.sum = mac.Sum(c.sum[:0])
	c.out = append(c.out[:0], "POST /webhooks/moncreneau HTTP/1.1\r\nHost: "...)
	c.out = append(c.out, c.address...)
	c.out = append(c.out, "\r\nContent-Type: application/json\r\nX-Moncreneau-Event: appointment.created\r\nX-Moncreneau-Delivery: dlv_"...)
	c.out = append(c.out, id...)
	c.out = append(c.out, "\r\nX-Moncreneau-Signature: sha256="...)
	c.out = hex.AppendEncode(c.out, c.sum)
	c.out = append(c.out, "\r\nContent-Length: "...)
	c.out = strconv.AppendInt(c.out, int64(len(c.body)), 10)
	c.out = append(c.out, "\r\n\r\n"...)
	return append(c.out, c.body...)
}

func (c *Client) answer() (status int, err error) {
	line, err := c.in.ReadSlice('\n')
	if err != nil {
		return 0, err
	}
	if len(line) < 12 {
		return 0, fmt.Errorf("not an answer in HTTP: %q", line)
	}
	if status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return 0, err
	}
	length := 0
	for {
		if line, err = c.in.ReadSlice('\n'); err != nil {
			return 0, err
		}
		if len(line) <= 2 {
			break
		}
		if name, value, _ := bytes.Cut(line, []byte(":")); bytes.EqualFold(name, []byte("content-length")) {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return 0, err
			}
		}
	}
	_, err = io.CopyN(io.Discard, c.in, int64(length))
	return status, err
}

// event is an event after its id, as long as the published ones.
const event = `","type":"appointment.created","created":"2026-01-21T14:30:00Z","data":{"object":{"id":201822465,` +
	`"departmentId":701,"department":{"id":701,"name":"Maternité","organization":{"id":7,"name":"Hôpital régional de Labé"}},` +
	`"dateTime":"2026-04-15T10:00:00","status":"SCHEDULED","name":"Moussa Soumah","phone":"+224666000612",` +
	`"email":"moussa.soumah800@example.org","qrCode":"https://moncreneau.gn/qr/201822465",` +
	`"createdAt":"2026-03-28T09:22:54Z","creditsUsed":1}}}`
