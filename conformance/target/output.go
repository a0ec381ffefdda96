package target

import (
	"bufio"
	"io"
	"strings"
	"sync"
)

// output hands on a receiver's lines and keeps the last ones, to be shown when
// it does not come up.
type output struct {
	mu   sync.Mutex
	tail []string
	log  func(string)
}

const tailLines = 15

// follow reads lines until r ends. Lines beyond a megabyte are cut, so that a
// receiver that never ends its line cannot exhaust memory.
func (o *output) follow(r io.Reader, observed bool) {
	reader := bufio.NewReaderSize(r, 64<<10)
	for {
		line, err := readLine(reader, 1<<20)
		if line != "" {
			o.add(line, observed)
		}
		if err != nil {
			return
		}
	}
}

// pipe is a writer whose lines are followed until it is closed.
func (o *output) pipe(readers *sync.WaitGroup, observed bool) *io.PipeWriter {
	reader, writer := io.Pipe()
	readers.Go(func() { o.follow(reader, observed) })
	return writer
}

func (o *output) add(line string, observed bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.tail = append(o.tail, line); len(o.tail) > tailLines {
		o.tail = o.tail[1:]
	}
	if observed && o.log != nil {
		o.log(line)
	}
}

func (o *output) last() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]string(nil), o.tail...)
}

func readLine(r *bufio.Reader, limit int) (string, error) {
	var line strings.Builder
	for {
		part, isPrefix, err := r.ReadLine()
		if room := limit - line.Len(); len(part) > room {
			part = part[:room]
		}
		line.Write(part)
		if err != nil || !isPrefix {
			return line.String(), err
		}
	}
}
