// A client of the benchmark on net/http's Transport: the protocol of protocol.ts over stdin and stdout.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"sort"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

type task struct {
	Do        string   `json:"do"`
	Urls      []string `json:"urls"`
	Callers   int      `json:"callers"`
	Requests  int64    `json:"requests"`
	PostBytes int      `json:"postBytes"`
	Latency   bool     `json:"latency"`
	URL       string   `json:"url"`
	Bytes     int64    `json:"bytes"`
}

type quantiles struct {
	P50  float64 `json:"p50"`
	P99  float64 `json:"p99"`
	P999 float64 `json:"p999"`
}

type memory struct {
	Before int64 `json:"before"`
	Peak   int64 `json:"peak"`
}

type done struct {
	CPUNanos  int64      `json:"cpuNanos"`
	WallNanos int64      `json:"wallNanos"`
	Latency   *quantiles `json:"latency,omitempty"`
	Memory    *memory    `json:"memory,omitempty"`
}

type reply struct {
	Ok      bool   `json:"ok"`
	Value   *done  `json:"value,omitempty"`
	Message string `json:"message,omitempty"`
}

var client *http.Client

func cpuNanos() int64 {
	var usage syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	return usage.Utime.Nano() + usage.Stime.Nano()
}

func checked(response *http.Response, err error) error {
	if err != nil {
		return err
	}
	body, err := io.ReadAll(response.Body)
	response.Body.Close()
	if err != nil {
		return err
	}
	var value map[string]any
	if err := json.Unmarshal(body, &value); err != nil {
		return err
	}
	if value["id"] != 4711.0 {
		return fmt.Errorf("this is not the answer of the server: %s", body)
	}
	return nil
}

func request(url string, payload []byte) error {
	if payload == nil {
		return checked(client.Get(url))
	}
	return checked(client.Post(url, "application/octet-stream", bytes.NewReader(payload)))
}

func at(sorted []float64, fraction float64) float64 {
	return sorted[int(float64(len(sorted)-1)*fraction)]
}

func requests(t task) (*quantiles, error) {
	var payload []byte
	if t.PostBytes > 0 {
		payload = make([]byte, t.PostBytes)
	}
	millis := make([]float64, t.Requests)
	var next int64 = -1
	var wait sync.WaitGroup
	failures := make(chan error, t.Callers)
	for caller := 0; caller < t.Callers; caller++ {
		wait.Add(1)
		go func(url string) {
			defer wait.Done()
			for {
				index := atomic.AddInt64(&next, 1)
				if index >= t.Requests {
					return
				}
				start := time.Now()
				if err := request(url, payload); err != nil {
					failures <- err
					return
				}
				if t.Latency {
					millis[index] = float64(time.Since(start).Nanoseconds()) / 1e6
				}
			}
		}(t.Urls[caller%len(t.Urls)])
	}
	wait.Wait()
	select {
	case err := <-failures:
		return nil, err
	default:
	}
	if !t.Latency {
		return nil, nil
	}
	sort.Float64s(millis)
	return &quantiles{at(millis, 0.5), at(millis, 0.99), at(millis, 0.999)}, nil
}

// Resident bytes; 0 where the system has no /proc.
func resident() int64 {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	pages, _ := strconv.ParseInt(strings.Fields(string(text))[1], 10, 64)
	return pages * int64(os.Getpagesize())
}

func download(t task) (*memory, error) {
	before := resident()
	peak := before
	stop := make(chan struct{})
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			if now := resident(); now > peak {
				peak = now
			}
			select {
			case <-stop:
				return
			case <-time.After(10 * time.Millisecond):
			}
		}
	}()
	response, err := client.Get(t.URL)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	// Chunk by chunk into memory, as the others do: to io.Discard a socket may be copied by the system.
	buffer := make([]byte, 65536)
	var received int64
	for {
		count, err := response.Body.Read(buffer)
		received += int64(count)
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
	}
	close(stop)
	<-stopped
	if received != t.Bytes {
		return nil, fmt.Errorf("received %d bytes instead of %d", received, t.Bytes)
	}
	if before == 0 {
		return nil, nil
	}
	return &memory{before, peak}, nil
}

func perform(t task) (*done, error) {
	start, cpu := time.Now(), cpuNanos()
	result := &done{}
	var err error
	if t.Do == "download" {
		result.Memory, err = download(t)
	} else {
		result.Latency, err = requests(t)
	}
	result.CPUNanos = cpuNanos() - cpu
	result.WallNanos = time.Since(start).Nanoseconds()
	return result, err
}

func main() {
	connections, err := strconv.Atoi(os.Args[1])
	if err != nil {
		panic(err)
	}
	client = &http.Client{Transport: &http.Transport{
		MaxConnsPerHost:     connections,
		MaxIdleConnsPerHost: connections,
		MaxIdleConns:        0,
	}}
	output := json.NewEncoder(os.Stdout)
	_ = output.Encode(reply{Ok: true, Value: &done{}})
	input := bufio.NewReader(os.Stdin)
	for {
		line, err := input.ReadBytes('\n')
		if err != nil {
			return
		}
		var t task
		if err := json.Unmarshal(line, &t); err != nil {
			_ = output.Encode(reply{Message: err.Error()})
			continue
		}
		value, err := perform(t)
		if err != nil {
			_ = output.Encode(reply{Message: err.Error()})
			continue
		}
		_ = output.Encode(reply{Ok: true, Value: value})
	}
}
