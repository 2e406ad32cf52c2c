mod broken;

