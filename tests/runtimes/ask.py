import time
import urllib.request

print(urllib.request.urlopen("https://api.aimlapi.com/v1/models").status)
try:
    urllib.request.urlopen("https://example.com")
except OSError:
    print("refused")
time.sleep(4)
