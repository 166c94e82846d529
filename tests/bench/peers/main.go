// The same service in Go, behind net/http or net/http/fcgi:
//
//	main http|fcgi SOCKET VERSION LOG
//
// As a careful user would write it with Debian's libraries: a correlation ID (google/uuid), one JSON record a request through
// a buffered writer that is flushed every 100 ms, a Prometheus histogram by route and status, X-Process-Time. GOMAXPROCS is
// left as it is: all processors.
package main

import (
	"bufio"
	"encoding/json"
	"log"
	"net"
	"net/http"
	"net/http/fcgi"
	"os"
	"regexp"
	"strconv"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

type health struct {
	Status    string `json:"status"`
	Timestamp string `json:"timestamp"`
	Version   string `json:"version"`
}

type record struct {
	Timestamp     string  `json:"timestamp"`
	Level         string  `json:"level"`
	Message       string  `json:"message"`
	CorrelationID string  `json:"correlation_id"`
	Method        string  `json:"method"`
	Path          string  `json:"path"`
	ClientIP      string  `json:"client_ip"`
	StatusCode    int     `json:"status_code"`
	Bytes         int     `json:"bytes"`
	Duration      float64 `json:"duration_seconds"`
}

// jsonLog is a file, behind a buffer.
type jsonLog struct {
	mutex   sync.Mutex
	buffer  *bufio.Writer
	encoder *json.Encoder
}

func openLog(path string) *jsonLog {
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		log.Fatal(err)
	}
	buffer := bufio.NewWriterSize(file, 64<<10)
	l := &jsonLog{buffer: buffer, encoder: json.NewEncoder(buffer)}
	go func() {
		for range time.Tick(100 * time.Millisecond) {
			l.mutex.Lock()
			l.buffer.Flush()
			l.mutex.Unlock()
		}
	}()
	return l
}

func (l *jsonLog) write(r *record) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.encoder.Encode(r)
}

func now() string {
	return time.Now().UTC().Format("2006-01-02T15:04:05.000000Z")
}

// counted remembers what was answered.
type counted struct {
	http.ResponseWriter
	begun  time.Time
	status int
	bytes  int
}

func (c *counted) WriteHeader(status int) {
	c.status = status
	c.Header().Set("X-Process-Time", strconv.FormatFloat(time.Since(c.begun).Seconds(), 'f', 6, 64))
	c.ResponseWriter.WriteHeader(status)
}

func (c *counted) Write(data []byte) (int, error) {
	if c.status == 0 {
		c.WriteHeader(http.StatusOK)
	}
	c.bytes += len(data)
	return c.ResponseWriter.Write(data)
}

var goodID = regexp.MustCompile(`^[A-Za-z0-9._-]{1,128}$`)

func wrap(next http.Handler, route string, l *jsonLog, durations *prometheus.HistogramVec) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := &counted{ResponseWriter: w, begun: time.Now()}
		id := r.Header.Get("X-Correlation-ID")
		if !goodID.MatchString(id) {
			id = uuid.NewString()
		}
		c.Header().Set("X-Correlation-ID", id)
		next.ServeHTTP(c, r)
		seconds := time.Since(c.begun).Seconds()
		durations.WithLabelValues(r.Method, route, strconv.Itoa(c.status)).Observe(seconds)
		l.write(&record{now(), "INFO", "Request completed", id, r.Method, r.URL.Path, r.RemoteAddr, c.status, c.bytes, seconds})
	})
}

func main() {
	if len(os.Args) != 5 {
		log.Fatal("usage: main http|fcgi SOCKET VERSION LOG")
	}
	version := os.Args[3]
	durations := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "http_server_request_duration_seconds",
		Help:    "How long requests took.",
		Buckets: []float64{.005, .01, .025, .05, .075, .1, .25, .5, .75, 1, 2.5, 5, 7.5, 10},
	}, []string{"method", "route", "code"})
	prometheus.MustRegister(durations)
	answer := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		body, _ := json.Marshal(health{"healthy", now(), version})
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		w.Write(body)
	})
	mux := http.NewServeMux()
	mux.Handle("/health", wrap(answer, "/health", openLog(os.Args[4]), durations))
	mux.Handle("/metrics", promhttp.Handler())
	listener, err := net.Listen("unix", os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	if os.Args[1] == "fcgi" {
		log.Fatal(fcgi.Serve(listener, mux))
	}
	log.Fatal(http.Serve(listener, mux))
}
