package fitbit_test

// What a client is for: requests, lists, one renewal for all goroutines.

import (
	"encoding/json"
	"errors"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"

	"example.org/fitbit"
)

func TestSixtyFourGoroutinesWithAnExpiredTokenShareOneRenewal(t *testing.T) {
	forEach(t, func(t *testing.T, d dialect) {
		client, tokens := d.client(t, -10)
		defer client.Close()
		var all sync.WaitGroup
		for i := 0; i < 64; i++ {
			all.Add(1)
			go func() {
				defer all.Done()
				if _, err := client.Get(background, d.profile); err != nil {
					t.Error(err)
				}
			}()
		}
		all.Wait()
		if refreshes, saves := requests(t, "refresh"), len(tokens.all()); refreshes != 1 || saves != 1 {
			t.Errorf("%d renewals, %d saved", refreshes, saves)
		}
	})
}

func TestAListIsReadPageByPage(t *testing.T) {
	forEach(t, func(t *testing.T, d dialect) {
		client, _ := d.client(t, 3600)
		defer client.Close()
		page, err := client.Get(background, d.list)
		ok(t, err)
		pages, seen := 0, map[string]bool{}
		for ; page != nil && pages < 5; pages++ {
			seen[string(page.Body)] = true
			page, err = client.NextPage(background, page)
			ok(t, err)
		}
		if pages != 5 || len(seen) != 5 {
			t.Errorf("%d pages, %d of them different", pages, len(seen))
		}

		alone, err := client.Get(background, strings.Replace(d.list, "2024-01-01", "2100-01-01", 1)+"&filter=sleep.interval.civil_end_time+%3E%3D+%222100-01-01%22")
		ok(t, err)
		if next, err := client.NextPage(background, alone); next != nil || err != nil {
			t.Error(next, err)
		}
	})
}

func TestAnAnswerHasStatusHeadersAndBody(t *testing.T) {
	forEach(t, func(t *testing.T, d dialect) {
		client, _ := d.client(t, 3600)
		defer client.Close()
		answer, err := client.Get(background, d.profile)
		ok(t, err)
		if answer.Status != 200 || !json.Valid(answer.Body) {
			t.Errorf("%d %s", answer.Status, answer.Body)
		}
		if kind := answer.Header("content-type"); !strings.HasPrefix(kind, "application/json") {
			t.Error(kind)
		}
		ok(t, answer.Close())
		if answer.Header("content-type") != "" || !json.Valid(answer.Body) {
			t.Error("after Close the body is there, the headers are not")
		}
		limit, known := client.RateLimit()
		if fitbits := d.provider == fitbit.Fitbit; known != fitbits || limit.Remaining > 0 != fitbits || limit.Reset > 0 != fitbits {
			t.Error(limit, known)
		}
	})
}

func TestWhatIsWrittenArrives(t *testing.T) {
	d := dialects[0]
	client, _ := d.client(t, 3600)
	defer client.Close()
	answer, err := client.Post(background, "/1/user/-/foods/log.json", url.Values{
		"foodName": {"Crème & brûlée"}, "calories": {"80"}, "mealTypeId": {"7"}, "unitId": {"304"}, "amount": {"1"}, "date": {"today"},
	})
	ok(t, err)
	var log struct {
		FoodLog struct {
			LogID      int64 `json:"logId"`
			LoggedFood struct{ Name string }
		}
	}
	ok(t, json.Unmarshal(answer.Body, &log))
	if log.FoodLog.LoggedFood.Name != "Crème & brûlée" {
		t.Errorf("%s", answer.Body)
	}
	answer, err = client.Delete(background, "/1/user/-/foods/log/"+strconv.FormatInt(log.FoodLog.LogID, 10)+".json")
	ok(t, err)
	if answer.Status != 204 || len(answer.Body) != 0 {
		t.Errorf("%d %s", answer.Status, answer.Body)
	}
	_, err = client.Do(background, "post", "/1/user/-/meals.json", "application/json", []byte(`{"name":"Apple","mealFoods":[]}`))
	ok(t, err)
	answer, err = client.Get(background, "/1/user/-/bytes/100000.json")
	ok(t, err)
	if len(answer.Body) != 100000 {
		t.Error(len(answer.Body))
	}
}

func TestARevokedLoginIsOver(t *testing.T) {
	forEach(t, func(t *testing.T, d dialect) {
		client, _ := d.client(t, 3600)
		defer client.Close()
		ok(t, client.Revoke(background))
		if _, err := client.Get(background, d.profile); !errors.Is(err, fitbit.ErrReauthorize) {
			t.Error(err)
		}
	})
}
