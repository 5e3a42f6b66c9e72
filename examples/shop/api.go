package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"
)

// patience is how long the shop waits for redis to answer.
const patience = 2 * time.Second

func serve(ctx context.Context, httpAddr, redisAddr string) error {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) { listProducts(w, redisAddr) })
	mux.HandleFunc("POST /orders", func(w http.ResponseWriter, _ *http.Request) { placeOrder(w, redisAddr) })
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { health(w, redisAddr) })
	server := &http.Server{Addr: httpAddr, Handler: mux, ReadHeaderTimeout: patience}
	stopped := context.AfterFunc(ctx, func() {
		closing, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		_ = server.Shutdown(closing)
	})
	defer stopped()
	fmt.Printf("api: serving on %s, pid %d\n", httpAddr, os.Getpid())
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("cannot serve: %w", err)
	}
	fmt.Println("api: stopped")
	return nil
}

func listProducts(w http.ResponseWriter, redisAddr string) {
	r, err := dial(redisAddr)
	if err != nil {
		fail(w, err)
		return
	}
	defer r.close()
	products, err := r.do(patience, "LRANGE", "products", "0", "-1")
	if err != nil {
		fail(w, err)
		return
	}
	handled, err := r.do(patience, "GET", "handled")
	if errors.Is(err, errNil) {
		handled, err = []string{"0"}, nil
	}
	if err != nil {
		fail(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"products": products, "orders_handled": handled[0], "pid": os.Getpid()})
}

func placeOrder(w http.ResponseWriter, redisAddr string) {
	r, err := dial(redisAddr)
	if err != nil {
		fail(w, err)
		return
	}
	defer r.close()
	if _, err := r.do(patience, "LPUSH", "orders", time.Now().UTC().Format(time.RFC3339Nano)); err != nil {
		fail(w, err)
		return
	}
	w.WriteHeader(http.StatusAccepted)
}

func health(w http.ResponseWriter, redisAddr string) {
	r, err := dial(redisAddr)
	if err != nil {
		fail(w, err)
		return
	}
	defer r.close()
	if _, err := r.do(patience, "PING"); err != nil {
		fail(w, err)
		return
	}
	fmt.Fprintln(w, "ok")
}

func fail(w http.ResponseWriter, err error) {
	fmt.Fprintf(os.Stderr, "api: %v\n", err)
	http.Error(w, err.Error(), http.StatusServiceUnavailable)
}

func check(httpAddr string) error {
	client := &http.Client{Timeout: patience}
	response, err := client.Get("http://" + httpAddr + "/healthz")
	if err != nil {
		return fmt.Errorf("not healthy: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("not healthy: %s", response.Status)
	}
	return nil
}
