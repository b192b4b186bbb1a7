"""Makes a video as the samples in the documentation do: a body that is fixed, and a poll every 15 s."""

import os
import time

import requests

BASE_URL = os.environ["KLING_BASE_URL"]
HEADERS = {"Authorization": f"Bearer {os.environ['KLING_API_KEY']}"}
TIMEOUT = 1000


def create():
    data = {
        "model": "kling-video/v1/standard/image-to-video",
        "prompt": "A woman puts on her glasses.",
        "image_url": "https://example.com/portrait.jpeg",
        "duration": "5",
    }
    response = requests.post(f"{BASE_URL}/video/generations", json=data, headers=HEADERS)
    if response.status_code >= 400:
        print(f"Error: {response.status_code} - {response.text}")
    else:
        return response.json()


def poll(generation_id):
    params = {"generation_id": generation_id}
    return requests.get(f"{BASE_URL}/video/generations", params=params, headers=HEADERS).json()


def main():
    generation_id = create().get("id")
    print("Generation ID:  ", generation_id)
    if generation_id:
        started = time.time()
        while time.time() - started < TIMEOUT:
            answer = poll(generation_id)
            if answer is None:
                print("Error: no answer")
                break
            if answer.get("status") in ["queued", "generating"]:
                print(f"Status: {answer.get('status')}. Checking again in 15 seconds.")
                time.sleep(15)
            else:
                print("Done:\n", answer)
                return answer
        print("Timeout reached. Stopping.")


if __name__ == "__main__":
    main()
