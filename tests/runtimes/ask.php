<?php
echo file_get_contents('https://api.aimlapi.com/v1/models') ? 200 : '', "\n";
echo @file_get_contents('https://example.com') ? '' : 'refused', "\n";
sleep(4);
