package report

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// compressFrom is the size from which a body is kept compressed, in bytes, so
// that an oversize body does not make an oversize report. Those that are sent
// on purpose shrink to a few kilobytes.
const compressFrom = 64 << 10

// keep collects a body as a file and returns its name in the report's folder;
// "" where no files are kept.
func (r *Recorder) keep(name string, body []byte) string {
	if r.Bodies == nil {
		return ""
	}
	file := path.Join("bodies", name+".json")
	if len(body) >= compressFrom {
		file += ".gz"
		body = compress(body)
	}
	r.Bodies[file] = body
	return file
}

func compress(body []byte) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, _ = w.Write(body) // a bytes.Buffer takes everything
	_ = w.Close()
	return out.Bytes()
}

// maxBody bounds what is read back of a body, in bytes.
const maxBody = 64 << 20

// readBody reads a file that keep has named, from the report's folder and from
// nowhere else, whatever the report says.
func readBody(dir, name string) ([]byte, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("bodies of the report: %w", err)
	}
	defer func() { _ = root.Close() }()
	file, err := root.Open(filepath.FromSlash(name))
	if err != nil {
		return nil, fmt.Errorf("bodies of the report: %w", err)
	}
	defer func() { _ = file.Close() }()
	var in io.Reader = file
	if strings.HasSuffix(name, ".gz") {
		if in, err = gzip.NewReader(file); err != nil {
			return nil, fmt.Errorf("bodies of the report: %s: %w", name, err)
		}
	}
	body, err := io.ReadAll(io.LimitReader(in, maxBody+1))
	if err == nil && len(body) > maxBody {
		err = errors.New("larger than any body that hookcheck sends")
	}
	if err != nil {
		return nil, fmt.Errorf("bodies of the report: %s: %w", name, err)
	}
	return body, nil
}
